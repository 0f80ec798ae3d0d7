"""The stage contract: a stage maps part files to part files, and every record is accounted for.

A *part* is one Parquet file of utterances (or, for ingest, one shard of the raw dump). It is the
Beam element: big enough that Beam's cost per element vanishes, small enough to be one worker's
job. Rows inside a part are streamed in chunks, so memory does not grow with the part, and parts
map one to one, so that the output does not depend on the number of workers (ADR 0001).
"""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines import files
from pipelines.errors import StageFailed, UsageError
from pipelines.hashes import hash_strings
from pipelines.part_list import check_parts
from pipelines.writer import PartWriter
from schemas import PartFacts, Rejection, StageFacts, arrow_schema
from schemas.arrays import numbers_of
from schemas.facts import Hashes

Element = TypeVar("Element")  # what Beam hands to a worker: a shard or the path of a part
Chunk = TypeVar("Chunk", bound="Sequence[object] | pa.Table")

CHUNK_ROWS = 4096  # rows in memory at once while a part is streamed


@dataclass(frozen=True, kw_only=True)
class Block:
    """What became of one chunk: rows to keep, rows rejected, and counts of the stage's own."""

    rows: pa.Table
    rejections: Sequence[Rejection] = ()
    counts: Counter[str] = field(default_factory=Counter)
    run: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Tally:
    """What some rows hold: how many units, how long, by whom."""

    units: int
    microseconds: int
    speakers: Hashes


class Writer(Protocol):
    """What takes a stage's rows and rejections, chunk by chunk."""

    paths: list[str]  # of the files written so far

    def write(self, rows: pa.Table, rejections: list[Rejection], /) -> None:
        """Appends a chunk's accepted rows and its rejections."""


class Stage(abc.ABC, Generic[Element, Chunk]):
    """One stage. Instances are pickled to workers: load models in :meth:`setup`, not before."""

    name: ClassVar[str]
    unit: ClassVar[str] = "utterance"
    record_type: ClassVar[type]
    output_patterns: ClassVar[tuple[str, ...]] = ("part-*.parquet",)  # that a new run clears
    rows_per_file: int | None = None  # split a part's output into files of so many rows
    unique_ids: bool = False  # reject ids that an earlier part has, too
    threads: ClassVar[bool] = False  # after setup, parts may be worked on by several threads

    def __init__(self, source: str) -> None:
        """Takes the source's name in params.yaml."""
        self.source = source

    def setup(self) -> None:  # noqa: B027  (optional)
        """Loads what the stage needs, once a worker."""

    def teardown(self) -> None:  # noqa: B027  (optional)
        """Releases what :meth:`setup` loaded."""

    @property
    def backend(self) -> str | None:
        """Name and version of the model that makes this stage's output; None without one."""
        return None

    @property
    def prompts(self) -> dict[str, str]:
        """Prompt label -> hash, of every prompt the stage uses."""
        return {}

    def open_writer(
        self, output: str, index: int, element: Element
    ) -> AbstractContextManager[Writer]:
        """What takes the rows of the ``index``-th element; Parquet parts unless overridden."""
        return PartWriter(output, index, arrow_schema(self.record_type), self.rows_per_file)

    @abc.abstractmethod
    def read(self, element: Element) -> Iterator[Chunk]:
        """The element's records in chunks of bounded size."""

    @abc.abstractmethod
    def transform(self, chunk: Chunk) -> Block:
        """Keeps or rejects every record of the chunk."""

    def tally(self, rows: pa.Table) -> Tally:
        """What rows of this stage's output hold, in the stage's unit."""
        return tally_utterances(rows)

    def intake(self, chunk: Chunk, block: Block, kept: Tally) -> Tally:
        """What went in. Where the input itself has no durations, they are what came of it.

        Args:
            chunk: the input.
            block: what became of it.
            kept: the tally of ``block.rows``.
        """
        lost = np.array([r.duration or 0.0 for r in block.rejections], dtype=np.float64)
        return Tally(len(chunk), kept.microseconds + microseconds(lost), kept.speakers)

    def account(self, chunk: Chunk, block: Block) -> PartFacts:
        """The chunk's facts.

        Raises:
            StageFailed: what went in is not what came out and what was rejected.
        """
        kept = self.tally(block.rows)
        taken = self.intake(chunk, block, kept)
        if taken.units != kept.units + len(block.rejections):
            raise StageFailed(
                f"{self.name}: {taken.units} {self.unit}s in, but {kept.units} out and "
                f"{len(block.rejections)} rejected: some are lost; this is a bug of the stage"
            )
        rejected: Counter[str] = Counter(r.reason.value for r in block.rejections)
        lost: Counter[str] = Counter()
        for rejection in block.rejections:
            lost[rejection.reason.value] += round((rejection.duration or 0.0) * 1e6)
        return PartFacts(
            rows_in=taken.units,
            rows_out=kept.units,
            microseconds_in=taken.microseconds,
            microseconds_out=kept.microseconds,
            speakers_in=taken.speakers,
            speakers_out=kept.speakers,
            rejected=rejected,
            rejected_microseconds=lost,
            counts=block.counts,
            run=block.run,
        )


class TableStage(Stage[str, pa.Table]):
    """A stage whose parts are Parquet files of an earlier stage."""

    chunk_rows: int = CHUNK_ROWS
    limit: int | None = None  # read only so many rows of each part

    def read(self, element: str) -> Iterator[pa.Table]:
        """The part's rows, ``chunk_rows`` at a time."""
        return read_part(element, self.chunk_rows, self.limit)

    def intake(self, chunk: pa.Table, block: Block, kept: Tally) -> Tally:
        """What went in, counted on the input table."""
        return self.tally(chunk)


def read_part(
    path: str,
    chunk_rows: int = CHUNK_ROWS,
    limit: int | None = None,
    columns: Sequence[str] | None = None,
) -> Iterator[pa.Table]:
    """A Parquet part as tables of at most ``chunk_rows`` rows, of the first ``limit`` rows.

    Raises:
        StageFailed: the file is not readable Parquet.
    """
    remaining = limit
    wanted = None if columns is None else list(columns)
    try:
        with files.open_read(path) as stream, pq.ParquetFile(stream) as parquet:
            for batch in parquet.iter_batches(batch_size=chunk_rows, columns=wanted):
                table = pa.Table.from_batches([batch])
                if remaining is not None:
                    table = table.slice(0, remaining)
                    remaining -= table.num_rows
                if table.num_rows:
                    yield table
                if remaining == 0:
                    return
    except (pa.ArrowException, OSError) as error:  # a damaged page is an OSError
        found = " ".join(str(error).split())  # one line, so that every runner keeps it whole
        raise StageFailed(
            f"{path}: not a readable Parquet file ({found}); run the stage that wrote it again"
        ) from error


@dataclass(frozen=True)
class StageOutput:
    """The finished output folder of a stage."""

    folder: str
    facts: StageFacts
    parts: list[str]
    rejected: list[str]


def open_stage(folder: str, made_by: str) -> StageOutput:
    """The output of an earlier stage, checked to be complete: every part there, and as long.

    Raises:
        UsageError: the folder is not the finished output of a stage, or a part is missing.
    """
    facts_path = files.join(folder, "stage.json")
    if not files.exists(facts_path):
        raise UsageError(
            f"{folder}: no finished stage there (stage.json is missing); run {made_by}"
        )
    try:
        facts = StageFacts.from_json(files.read_text(facts_path))
    except ValueError as error:
        raise UsageError(f"{facts_path}: {error}; run {made_by} again") from error
    check_parts(folder, facts, made_by)
    return StageOutput(
        folder=folder,
        facts=facts,
        parts=files.list_files(files.join(folder, "part-*.parquet")),
        rejected=files.list_files(files.join(folder, "rejected", "part-*.parquet")),
    )


def count_rows(parts: Sequence[str], limit: int | None = None) -> int:
    """Rows in all parts, from the Parquet footers, at most ``limit`` of each part.

    Raises:
        UsageError: a part is not Parquet.
    """
    total = 0
    for path in parts:
        try:
            with files.open_read(path) as stream:
                rows = pq.read_metadata(stream).num_rows
        except (pa.ArrowException, OSError) as error:
            raise UsageError(
                f"{path}: a part is not readable Parquet ({error}); "
                "run the stage that wrote it again"
            ) from error
        total += rows if limit is None else min(rows, limit)
    return total


def tally_utterances(rows: pa.Table) -> Tally:
    """Rows with a ``duration`` and a ``speaker``, one unit each."""
    return Tally(
        rows.num_rows,
        microseconds(numbers_of(rows.column("duration"))),
        np.unique(hash_strings(pc.unique(rows.column("speaker")))),
    )


def location_of(row: Mapping[str, object]) -> str:
    """Where an utterance's audio is, as a rejection names it: file, and member or place in it."""
    return f"{row['audio_uri']}:{row['audio_member'] or row['audio_offset']}"


def microseconds(seconds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> int:
    """The sum of durations in whole microseconds, each rounded: the order does not matter."""
    return int(np.rint(seconds * 1e6).astype(np.int64).sum())
