"""The table of clips that a listening test is made of: Parquet, CSV or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import pydantic
from pydantic import Field, model_validator

from trainer.errors import UsageError
from trainer.metrics.measurement import TASKS
from trainer.settings import Strict

Name = Annotated[str, Field(min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Case = tuple[str, str, str]  # task, language, case id
LISTS = ("profiles", "history")
NUMBERS = ("gold_low", "gold_high")
CONTEXT = ("text", "instruction", "emotion", "scene", "profiles", "history", "reference")


class Clip(Strict):
    """One row: a clip, what it is of, and what a rater may be told about it."""

    system: Name
    task: Name  # one of trainer.metrics.measurement.TASKS
    language: Name  # ISO 639-1
    case: Name  # the same id for what the systems were all asked to say
    audio: Name  # path, from the folder of audio
    text: str | None = None
    instruction: str | None = None
    emotion: str | None = None  # the target
    scene: str | None = None
    profiles: tuple[str, ...] = ()  # a character each
    history: tuple[str, ...] = ()  # what was said before, a turn each
    reference: str | None = None  # path of the speech that the timbre is of
    gold_low: Finite | None = None  # where both are there, the clip is a gold item and its right
    gold_high: Finite | None = None  # answers are from low to high (CMOS: against the baseline)

    @property
    def key(self) -> Case:
        """What the clip is a version of."""
        return self.task, self.language, self.case

    @property
    def is_gold(self) -> bool:
        """Whether its answer is known."""
        return self.gold_low is not None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.task not in TASKS:
            raise ValueError(f"task {self.task!r} is none of {', '.join(TASKS)}")
        low, high = self.gold_low, self.gold_high
        if (low is None) != (high is None) or (low is not None and high is not None and low > high):
            raise ValueError("gold_low and gold_high are given both, low first, or not at all")
        return self


COLUMNS = tuple(Clip.model_fields)


def read_clips(path: Path) -> tuple[list[Clip], tuple[str, ...]]:
    """Reads and checks a table.

    In CSV an empty cell is a value that is not there, and `profiles` and `history` have a line
    for each.

    Returns:
        The clips in the table's order, and the columns that were not used.

    Raises:
        UsageError: the table cannot be read, a row is wrong or there twice, or two rows of one
            case tell a rater different things.
    """
    rows = list(_rows(path))
    clips = [_clip(path, number, row) for number, row in enumerate(rows, 1)]
    if not clips:
        raise UsageError(f"{path}: no row; a listening test needs clips")
    _check_unique(path, clips)
    _check_context(path, clips)
    return clips, tuple(sorted({name for row in rows for name in row} - set(COLUMNS)))


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    readers = {".jsonl": _json_lines, ".csv": _csv, ".parquet": _parquet}
    reader = readers.get(path.suffix)
    if reader is None:
        raise UsageError(f"{path}: a table of clips ends in {', '.join(readers)}")
    try:
        yield from reader(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as {path.suffix[1:]}: {error}") from error


def _json_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
        except RecursionError as error:
            raise ValueError(f"line {number} is nested too deeply") from error
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is no object")
        yield row


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream, strict=True):
            if None in row or None in row.values():
                raise ValueError(f"row {row} has not as many cells as the header")
            yield {name: _cell(name, text) for name, text in row.items()}


def _cell(name: str, text: str) -> object:
    if name in LISTS:
        return [line for line in text.splitlines() if line]
    if not text:
        return None
    return float(text) if name in NUMBERS else text


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except pa.ArrowException as error:  # ArrowInvalid is a ValueError, others are not
        raise ValueError(str(error)) from error
    yield from rows


def _clip(path: Path, number: int, row: Mapping[str, Any]) -> Clip:
    given = {name: row[name] for name in COLUMNS if row.get(name) is not None}
    lists = {name: tuple(given[name]) for name in LISTS if isinstance(given.get(name), list)}
    try:
        return Clip.model_validate(given | lists)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = f"{first['loc'][0]}: " if first["loc"] else ""
        found = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path} row {number}: {field}{found}") from error


def _check_unique(path: Path, clips: Iterable[Clip]) -> None:
    seen: dict[tuple[str, Case], int] = {}
    for number, clip in enumerate(clips, 1):
        before = seen.setdefault((clip.system, clip.key), number)
        if before != number:
            raise UsageError(
                f"{path} row {number}: {clip.system} has case {clip.case} of {clip.task} "
                f"{clip.language} already in row {before}; leave one of them out"
            )


def _check_context(path: Path, clips: Sequence[Clip]) -> None:
    """What a rater is told must not tell the systems apart."""
    first: dict[Case, Clip] = {}
    for number, clip in enumerate(clips, 1):
        other = first.setdefault(clip.key, clip)
        for field in CONTEXT:
            if getattr(clip, field) != getattr(other, field):
                raise UsageError(
                    f"{path} row {number}: {field} of case {clip.case} is not that of "
                    f"{other.system}; raters must be told the same of all systems"
                )
