"""One test case: what is to be said and how, whose voice, and what it is held against.

A case carries its codes with it, so that neither generating nor scoring reads a corpus again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.codec import CodecIdentity
from manifests.storage import LocalFiles
from schemas.arrow import arrow_schema, column, record_of, table_of
from trainer.errors import UsageError
from trainer.metrics.measurement import TASKS

CASES = "cases.parquet"
DECOUPLING = ("to_easy", "to_hard", "tr_easy", "tr_hard")  # FlexiVoice Table 1
PROSODY = ("speed", "pitch")  # FlexiVoice A.8
ROLE_PLAY = ("rp_audio_history", "rp_no_audio_history")  # MCLP Table 2
INSTRUCT = ("aps", "dsd", "rp")  # InstructTTSEval
LAYOUT_TASKS = {"append": (*DECOUPLING, *PROSODY, *INSTRUCT), "ta4": ROLE_PLAY}
_CODECS = b"codecs"  # key of the Parquet metadata: the codecs' identities, JSON
_ID = re.compile(r"[a-z_]+-[a-z]{2,3}-\d{4,}(-\d)?")
_AUDIO = re.compile(r"audio/[0-9a-f]{32}\.flac")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTurn:
    """A turn of the conversation before a case."""

    role: str = column("system, human or assistant.")
    text: str = column("What it says.")
    codes: tuple[int, ...] = column("Its speech, codes; empty where it is not spoken.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line to be spoken, and all that a model or a judge may need of it."""

    id: str = column("task-language-number, and the level behind it where there is one.")
    task: str = column("One of trainer.metrics.measurement.TASKS.")
    language: str = column("ISO 639-1.")
    text: str = column("What is to be said.")
    instruction: str | None = column("How; null: the model's default instruction.", default=None)
    emotion: str | None = column("That the instruction names.", default=None)
    text_emotion: str | None = column("Of the text, where it conflicts (TO-hard).", default=None)
    reference_emotion: str | None = column("Of the reference speech (TR).", default=None)
    level: int | None = column("Of speed or pitch: 1 low, 2 normal, 3 high (A.8).", default=None)
    codec: str | None = column("Short name of the codec of all codes here.", default=None)
    truth_id: str | None = column("The ground truth's; null: there is none.", default=None)
    truth_codes: tuple[int, ...] = column("The ground truth's speech; else empty.", default=())
    truth_audio: str | None = column("Its recording, below the folder of cases.", default=None)
    reference_id: str | None = column("Of the speech whose voice is wanted.", default=None)
    reference_text: str | None = column("What is said in it.", default=None)
    reference_codes: tuple[int, ...] = column("Its speech; empty: no reference.", default=())
    reference_audio: str | None = column("Its recording, below the folder.", default=None)
    context: tuple[CaseTurn, ...] = column("The conversation before (role play).", default=())

    @property
    def fingerprint(self) -> str:
        """Hash of everything that is in it, 64 hex digits."""
        content = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Cases:
    """All cases of an evaluation, in order, and whose codes they hold."""

    rows: tuple[Case, ...]
    codecs: Mapping[str, CodecIdentity]  # by short name

    def of(self, tasks: Sequence[str]) -> list[Case]:
        """Those of some tasks, in order."""
        return [case for case in self.rows if case.task in tasks]

    def counts(self) -> dict[str, int]:
        """How many there are of each task and language."""
        found = Counter(f"{case.task} {case.language}" for case in self.rows)
        return dict(found)


def write_cases(folder: Path, cases: Cases) -> None:
    """Writes the cases; equal ones give equal bytes."""
    identities = {name: one.to_json() for name, one in sorted(cases.codecs.items())}
    table = table_of(Case, cases.rows)
    metadata = {**(table.schema.metadata or {}), _CODECS: json.dumps(identities).encode()}
    with LocalFiles().atomic_write(str(folder / CASES)) as stream:
        pq.write_table(table.replace_schema_metadata(metadata), stream, compression="zstd")


def read_cases(folder: Path) -> Cases:
    """The cases of an evaluation.

    Raises:
        UsageError: there are none, or the file is not what :func:`write_cases` writes.
    """
    path = folder / CASES
    again = "make them with python -m trainer.evaluate cases"
    if not path.is_file():
        raise UsageError(f"{path} is missing: no cases there; {again}")
    try:
        table = pq.read_table(path)
        if not table.schema.equals(arrow_schema(Case)):
            raise UsageError(f"{path}: not the columns of cases; {again}")
        found = json.loads((table.schema.metadata or {}).get(_CODECS, b"{}"))
        codecs = {name: CodecIdentity.from_json(text) for name, text in found.items()}
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}; {again}") from error
    rows = tuple(record_of(Case, row) for row in table.to_pylist())
    ids: set[str] = set()
    for number, case in enumerate(rows):
        wrong = _wrong(case, codecs) or ("is there twice" if case.id in ids else None)
        if wrong:
            raise UsageError(f"{path} row {number}: case {case.id!r} {wrong}; {again}")
        ids.add(case.id)
    return Cases(rows, codecs)


def _wrong(case: Case, codecs: Mapping[str, CodecIdentity]) -> str | None:
    """What keeps a case from being one: its id and its paths become names of files."""
    if not _ID.fullmatch(case.id):
        return "has an id that is not task-language-number"
    if case.task not in TASKS:
        return f"is of the task {case.task!r}, which is none of {', '.join(TASKS)}"
    if case.codec is not None and case.codec not in codecs:
        return f"has codes of {case.codec}, which the file does not describe"
    paths = [path for path in (case.truth_audio, case.reference_audio) if path is not None]
    if not all(_AUDIO.fullmatch(path) for path in paths):
        return f"has a recording at {paths}, which is not below audio/"
    return None
