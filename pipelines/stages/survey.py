"""The corpus as a whole, before any row is judged: overused wordings, and who is in the games.

A pipeline of its own over the columns that matter. The counts are taken as
:mod:`pipelines.stages.overuse` says; what comes back is small (the overused hashes, the names of
the characters) and travels to the workers inside the stage. It goes through a file, since a
portable runner has no other way back to the command.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pipelines import files
from pipelines.errors import StageFailed
from pipelines.run import choose_runner, pipeline_options
from pipelines.stage import CHUNK_ROWS, read_part
from pipelines.stages.overuse import (
    Cells,
    Overused,
    cells_for,
    count_cells,
    described,
    may_be_overused,
    merge,
    overused,
)
from pipelines.stages.settings import SelectSettings
from schemas.facts import Hashes

COLUMNS = ("id", "instruction", "value", "character", "game")
BUCKETS = 256  # by the top byte of the hash: what one worker counts exactly at a time
Characters = frozenset[tuple[str, str]]  # (game, name)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the row-wise pass must know about the corpus."""

    descriptions: int = 0
    overused: Overused = field(default_factory=Overused)
    characters: Characters = frozenset()

    def to_json(self) -> str:
        """One stable text."""
        columns = {name: column.tolist() for name, column in vars(self.overused).items()}
        return json.dumps(
            {
                "descriptions": self.descriptions,
                "overused": columns,
                "characters": sorted(self.characters),
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Survey:
        """The inverse of :meth:`to_json`."""
        content = json.loads(text)
        found = content["overused"]
        return cls(
            descriptions=content["descriptions"],
            overused=Overused(
                hashes=np.array(found["hashes"], dtype=np.uint64),
                counts=np.array(found["counts"], dtype=np.int64),
                allowed=np.array(found["allowed"], dtype=np.int64),
                first_out=np.array(found["first_out"], dtype=np.uint64),
            ),
            characters=frozenset((game, name) for game, name in content["characters"]),
        )


def survey(
    parts: Sequence[str],
    rows: int,
    settings: SelectSettings,
    file: str,
    *,
    limit: int | None = None,
    runner_flags: Sequence[str] = (),
) -> Survey:
    """Surveys all parts.

    Args:
        parts: Parquet files of annotated utterances.
        rows: rows in them, about; sets the size of the table.
        settings: what counts as overuse.
        file: where the result passes through; removed again.
        limit: read only so many rows of each part.
        runner_flags: Beam's own flags.

    Raises:
        StageFailed: a worker failed.
        UsageError: the runner flags are not Beam's.
    """
    if not parts:
        return Survey()
    options = pipeline_options(runner_flags)
    pipeline = beam.Pipeline(options=options, runner=choose_runner(options))
    paths = pipeline | "Parts" >> beam.Create(list(parts), reshuffle=False)
    paths = paths | "Spread" >> beam.Reshuffle()
    tally = (
        paths
        | "CountChunks" >> beam.ParDo(_CountChunks(settings, cells_for(rows), limit))
        | "AddTables" >> beam.CombineGlobally(_AddTables(cells_for(rows)))
    )
    _ = (
        paths
        | "FindRows" >> beam.ParDo(_FindRows(settings, limit), beam.pvalue.AsSingleton(tally))
        | "Bucket" >> beam.GroupByKey()
        | "CountExactly" >> beam.ParDo(_CountExactly(settings), beam.pvalue.AsSingleton(tally))
        | "Merge" >> beam.CombineGlobally(_merge)
        | "Write" >> beam.ParDo(_Write(file), beam.pvalue.AsSingleton(tally))
    )
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:
        # The worker's exception crosses the runner as text, its own line last.
        said = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        message = said[-1].strip().partition(" [while running ")[0]
        raise StageFailed(f"select: counting the wordings failed: {message}") from error
    found = Survey.from_json(files.read_text(file))
    files.delete([file])
    return found


@dataclass(frozen=True, kw_only=True)
class _Tally:
    descriptions: int
    table: Cells
    characters: Characters


class _CountChunks(beam.DoFn):
    """Path of a part -> (descriptions, cells, their counts, characters), once a chunk."""

    def __init__(self, settings: SelectSettings, cells: int, limit: int | None) -> None:
        self._settings, self._cells, self._limit = settings, cells, limit

    def process(self, path: str) -> Iterator[tuple[int, Cells, Cells, Characters]]:
        for chunk in read_part(path, CHUNK_ROWS, self._limit, COLUMNS):
            rows = described(chunk, self._settings)
            hashes = np.concatenate([rows.whole, rows.opening])
            yield len(rows.ids), *count_cells(hashes, self._cells), characters_of(chunk)


class _AddTables(beam.CombineFn):
    """The sum of all chunks' counts, in one table of fixed size."""

    def __init__(self, cells: int) -> None:
        self._cells = cells

    def create_accumulator(self) -> _Tally:
        table = np.zeros(self._cells, dtype=np.uint32)
        return _Tally(descriptions=0, table=table, characters=frozenset())

    def add_input(self, tally: _Tally, chunk: tuple[int, Cells, Cells, Characters]) -> _Tally:
        descriptions, cells, counts, characters = chunk
        tally.table[cells] += counts
        return _Tally(
            descriptions=tally.descriptions + descriptions,
            table=tally.table,
            characters=tally.characters | characters,
        )

    def merge_accumulators(self, tallies: Iterable[_Tally]) -> _Tally:
        total = self.create_accumulator()
        for tally in tallies:
            np.add(total.table, tally.table, out=total.table)
            total = _Tally(
                descriptions=total.descriptions + tally.descriptions,
                table=total.table,
                characters=total.characters | tally.characters,
            )
        return total

    def extract_output(self, tally: _Tally) -> _Tally:
        return tally


class _FindRows(beam.DoFn):
    """Path of a part -> ((is it openings, bucket), (hashes, id hashes)) of what may be too much."""

    def __init__(self, settings: SelectSettings, limit: int | None) -> None:
        self._settings, self._limit = settings, limit

    def process(
        self, path: str, tally: _Tally
    ) -> Iterator[tuple[tuple[bool, int], tuple[Hashes, Hashes]]]:
        for chunk in read_part(path, CHUNK_ROWS, self._limit, COLUMNS):
            rows = described(chunk, self._settings)
            for openings, hashes in ((False, rows.whole), (True, rows.opening)):
                allowed = allowed_rows(self._settings, tally.descriptions, openings)
                chosen = may_be_overused(hashes, tally.table, allowed + 1)
                found, ids = hashes[chosen], rows.ids[chosen]
                buckets = found >> np.uint64(56)
                for bucket in np.unique(buckets).tolist():
                    yield (openings, bucket), (found[buckets == bucket], ids[buckets == bucket])


class _CountExactly(beam.DoFn):
    """All occurrences of one bucket's hashes -> the overused ones."""

    def __init__(self, settings: SelectSettings) -> None:
        self._settings = settings

    def process(
        self,
        bucket: tuple[tuple[bool, int], Iterable[tuple[Hashes, Hashes]]],
        tally: _Tally,
    ) -> Iterator[Overused]:
        (openings, _), pairs = bucket
        hashes, ids = (np.concatenate(column) for column in zip(*pairs, strict=True))
        yield overused(hashes, ids, allowed_rows(self._settings, tally.descriptions, openings))


class _Write(beam.DoFn):
    """Leaves the survey where the command finds it."""

    def __init__(self, file: str) -> None:
        self._file = file

    def process(self, found: Overused, tally: _Tally) -> Iterator[None]:
        result = Survey(
            descriptions=tally.descriptions, overused=found, characters=tally.characters
        )
        files.write_text(self._file, result.to_json())
        yield None


def allowed_rows(settings: SelectSettings, descriptions: int, openings: bool) -> int:
    """How many descriptions may share a wording, or an opening, without overuse.

    >>> from pipelines.params import load_params
    >>> settings = load_params("params.yaml").select
    >>> [allowed_rows(settings, 10_000, openings) for openings in (False, True)]
    [20, 500]
    """
    share = int(settings.max_opening_share * descriptions + 1e-9)  # 0.29 * 100 is 28.999...
    return max(share if openings else settings.max_same, settings.min_repeats - 1)


def characters_of(chunk: pa.Table) -> Characters:
    """The characters of a chunk, each with its game."""
    named = chunk.filter(chunk.column("character").is_valid()).select(["game", "character"])
    pairs = named.group_by(["game", "character"]).aggregate([]).to_pylist()
    return frozenset((pair["game"] or "", pair["character"]) for pair in pairs)


def _merge(parts: Iterable[Overused]) -> Overused:
    return merge(list(parts))
