"""Rejected records to look at: a few of each reason, with the text and sound that they had.

A rejection itself has an id and a detail. What the record said is found in the output of the stage
before, whose parts map one to one to the parts of the rejecting stage (ADR 0001).
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audio_bytes import AudioReader
from pipelines.reporting.facts import RejectedRow, RejectedSample
from pipelines.reporting.sound import Loaded, SoundBudget
from pipelines.stage import StageOutput, read_part

REJECTED_ROWS = 50_000  # rejected rows looked through for them, all parts together
_UTTERANCE = ("id", "text", "speaker", "duration")
_PLACE = ("uri", "container", "member", "offset", "size", "format")
_FOUND_IN = "found_in"  # number of the part that a rejected row is from

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What the stage before had of a record."""

    text: str
    speaker: str | None
    utterance: Row | None = None  # with the place of its audio
    vocals: tuple[str, float, float] | None = None  # or a stretch of vocals: path, start, seconds

    def load(self, budget: SoundBudget) -> Loaded:
        """Its sound, or why there is none."""
        if self.vocals is not None:
            return budget.load_span(*self.vocals)
        return (None, None) if self.utterance is None else budget.load(self.utterance)


def read_rejected(
    output: StageOutput,
    before: Sequence[str],
    number: int,
    reader: AudioReader,
    sound_bytes: int,
) -> tuple[RejectedSample, ...]:
    """The first rejected rows of each reason, the reason with the most hours first.

    Stops as soon as every reason has its rows; a reason that does not occur among the first
    50,000 rejected rows is listed without any.

    Args:
        output: of the rejecting stage.
        before: the parts that it read; none where nothing was before.
        number: of rows of one reason, at most.
        reader: of the utterances' audio.
        sound_bytes: encoded, at most, for one reason.
    """
    found = _first_of_each(output, number)
    rows = [row for shown in found.values() for row in shown]
    origins = read_origins(before, rows)
    facts = output.facts
    order = sorted(
        (reason for reason, count in facts.rejected.items() if count),
        key=lambda reason: (-facts.rejected_hours.get(reason, 0.0), reason),
    )
    samples = []
    for reason in order:
        budget = SoundBudget(reader, sound_bytes)
        samples.append(
            RejectedSample(
                stage=facts.stage,
                reason=reason,
                rows=facts.rejected[reason],
                hours=facts.rejected_hours.get(reason, 0.0),
                shown=tuple(
                    _shown(row, origins.get(row["record_id"]), budget) for row in found[reason]
                ),
            )
        )
    return tuple(samples)


def read_origins(before: Sequence[str], rejected: Sequence[Row]) -> dict[str, Origin]:
    """Record id -> what the parts that were read have of it, where they have the record."""
    origins: dict[str, Origin] = {}
    by_part: dict[int, list[str]] = {}
    for row in rejected:
        by_part.setdefault(row[_FOUND_IN], []).append(row["record_id"])
    for number, ids in by_part.items():
        if number < len(before):
            origins |= dict(_origins_in(before[number], ids))
    return origins


def _first_of_each(output: StageOutput, number: int) -> dict[str, list[Row]]:
    wanted = {reason: min(rows, number) for reason, rows in output.facts.rejected.items()}
    found: dict[str, list[Row]] = {reason: [] for reason in wanted}
    for row in itertools.islice(_rejections(output), REJECTED_ROWS):
        shown = found.setdefault(row["reason"], [])
        if len(shown) < number:
            shown.append(row)
        if all(len(found[reason]) >= rows for reason, rows in wanted.items()):
            break
    return found


def _rejections(output: StageOutput) -> Iterator[Row]:
    for path in output.rejected:
        # part-00003.parquet holds what was rejected of the third part read
        part = int(posixpath.basename(path).removeprefix("part-").partition(".")[0].split("-")[0])
        for table in read_part(path):
            for row in table.to_pylist():
                yield row | {_FOUND_IN: part}


def _origins_in(path: str, ids: Sequence[str]) -> Iterator[tuple[str, Origin]]:
    wanted = pa.array(ids, pa.string())
    for table in read_part(path):
        if "sentences" in table.column_names:
            yield from _sentences(table, wanted)
        elif "text" in table.column_names:
            columns = [*_UTTERANCE, *(f"audio_{name}" for name in _PLACE)]
            matching = table.filter(pc.is_in(table.column("id"), value_set=wanted))
            for row in matching.select(columns).to_pylist():
                yield row["id"], Origin(text=row["text"], speaker=row["speaker"], utterance=row)


def _sentences(table: pa.Table, wanted: pa.Array) -> Iterator[tuple[str, Origin]]:
    nested = table.column("sentences").combine_chunks()
    sentences = nested.flatten()
    matching = pc.is_in(sentences.field("id"), value_set=wanted)
    vocals = table.column("vocals_uri").take(nested.value_parent_indices().filter(matching))
    for row, path in zip(sentences.filter(matching).to_pylist(), vocals.to_pylist(), strict=True):
        heard = None if path is None else (path, row["start"], row["duration"])
        yield row["id"], Origin(text=row["text"], speaker=row["speaker"], vocals=heard)


def _shown(row: Row, origin: Origin | None, budget: SoundBudget) -> RejectedRow:
    sound, no_sound = origin.load(budget) if origin else (None, None)
    return RejectedRow(
        record_id=row["record_id"],
        detail=row["detail"],
        location=row["location"],
        duration=row["duration"],
        text=origin.text if origin else None,
        speaker=origin.speaker if origin else None,
        sound=sound,
        no_sound=no_sound,
    )
