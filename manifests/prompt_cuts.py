"""Prompts without speech as Shar shards: cuts that have no recording, and nothing beside them.

``shar/cuts.000000.jsonl.gz`` has one cut a line, as Lhotse reads it. Such a cut lasts 0 s, because
nothing was recorded; its one supervision has the text, and in its custom fields the instruction.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import posixpath
import zlib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

from manifests.checks import Damage, Form, Problem, check_cut, check_hashes, check_key
from manifests.keys import cut_key
from manifests.recorded import ShardDamaged, parse_cut
from manifests.shards import cut_lines, shard_paths
from manifests.storage import LocalFiles, Storage
from schemas import StageFacts

UNIT = "prompt"  # of stage.json: tells such a folder from one with speech
REQUIRED = ("instruction", "source", "origin")  # custom fields, always there
GENERATED = ("prompt_name", "prompt_sha256", "chat_model", "reply_sha256")
SAMPLED = ("utterance_source", "utterance_id", "licence")
OPTIONAL = ("attributes", *SAMPLED, *GENERATED)


def prompt_cut(row: Mapping[str, Any]) -> dict[str, Any]:
    """The cut of a row of ``InstructionPrompt``, as JSON has it.

    Its id is :func:`~manifests.keys.cut_key` of the prompt's id, which the supervision keeps.

    Raises:
        ValueError: the id cannot name a cut.

    >>> row = {"id": "s3-en-1", "text": "Hi.", "language": "en", "instruction": "Whisper.",
    ...        "source": "s3", "origin": "free", "attributes": ()}
    >>> cut = prompt_cut(row)
    >>> cut["duration"], "recording" in cut, cut["supervisions"][0]["custom"]["instruction"]
    (0.0, False, 'Whisper.')
    """
    key = cut_key(row["id"])
    custom: dict[str, Any] = {name: row[name] for name in REQUIRED}
    custom["instruction_default"] = False
    for name in OPTIONAL:
        value = row.get(name)
        if value is not None and len(value):
            custom[name] = value if isinstance(value, str) else list(value)
    nowhen = {"start": 0.0, "duration": 0.0, "channel": 0}
    supervision = {
        "id": row["id"],
        "recording_id": key,
        **nowhen,
        "text": row["text"],
        "language": row["language"],
        "custom": custom,
    }
    return {"id": key, **nowhen, "supervisions": [supervision], "type": "MonoCut"}


def _check_prompt(cut: Mapping[str, Any], where: str) -> Iterator[Problem]:
    (supervision,) = cut["supervisions"]
    custom = supervision["custom"]
    yield from check_key(cut["id"], supervision["id"], where)
    if cut.get("recording") is not None or cut["duration"] != 0:
        yield Problem(Damage.CUT, where, "a prompt has no recording and lasts 0 s")
    for name in ("text", "language"):
        if not str(supervision.get(name) or "").strip():
            yield Problem(Damage.CUT, where, f"the supervision has no {name}")
    if not str(custom.get("instruction") or "").strip():
        yield Problem(Damage.INSTRUCTION, where, "no instruction")
    needed = SAMPLED if custom.get("origin") == "sampled" else GENERATED
    absent = [name for name in ("source", "origin", *needed) if not custom.get(name)]
    if absent:
        yield Problem(Damage.LINEAGE, where, f"missing: {', '.join(absent)}")
    yield from check_hashes({name: custom.get(name) for name in GENERATED[1::2]}, where)


PROMPTS = Form(
    what="a cut without recording and with one supervision",
    check=_check_prompt,
    lineage=lambda cut: {},
    recorded=False,
)


class PromptShardWriter:
    """Writes one shard; it appears when it is closed without an error."""

    def __init__(self, folder: str, index: int, storage: Storage | None = None) -> None:
        """One shard of the emitted folder, on this machine unless a storage is given."""
        self.path = shard_paths(folder, index).cuts
        self._storage = storage or LocalFiles()
        self._stack = contextlib.ExitStack()

    def write(self, cut: Mapping[str, Any]) -> None:
        """Appends a cut of :func:`prompt_cut`."""
        self._cuts.write(json.dumps(cut, ensure_ascii=False).encode() + b"\n")

    def __enter__(self) -> PromptShardWriter:
        """Opens the file."""
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(self._storage.atomic_write(self.path))
            self._cuts = stack.enter_context(
                gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=6, mtime=0)
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Publishes the shard, or drops it when an error is on its way."""
        self._stack.__exit__(kind, error, trace)


def are_prompts(folder: str, storage: Storage | None = None) -> bool:
    """Whether a folder has prompts without speech, which its ``stage.json`` says."""
    storage = storage or LocalFiles()
    path = posixpath.join(folder, "stage.json")
    if not storage.list_files(path):
        return False
    try:
        with storage.open_read(path) as stream:
            return StageFacts.from_json(stream.read().decode()).unit == UNIT
    except ValueError:
        return False  # whoever goes on to read it says what is wrong with it


def read_prompts(path: str, storage: Storage | None = None) -> Iterator[tuple[dict[str, Any], str]]:
    """The cuts of one shard in order, each with its file and line.

    Raises:
        ShardDamaged: the file cannot be read, or a line is no cut of a prompt.
    """
    storage, line = storage or LocalFiles(), 0
    try:
        with storage.open_read(path) as packed, gzip.GzipFile(fileobj=packed) as unpacked:
            for line, text in cut_lines(unpacked):
                where = f"{path}:{line}"
                cut = parse_cut(text, where)
                for problem in check_cut(cut, where, PROMPTS):
                    raise ShardDamaged(str(problem))
                yield cut, where
    except (OSError, EOFError, zlib.error) as error:
        raise ShardDamaged(f"{path}: after line {line}: {error}") from error
