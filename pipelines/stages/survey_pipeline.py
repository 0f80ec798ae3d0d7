"""The survey of a corpus on Beam: parts are counted by workers, hashes meet by bucket.

The result goes through a file, since a portable runner has no other way back to the command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
import numpy as np

from pipelines import files
from pipelines.errors import StageFailed
from pipelines.run import choose_runner, pipeline_options
from pipelines.stages.overuse import Overused, merge
from pipelines.stages.survey import ChunkCount, Survey, Surveyor, Tally
from schemas.facts import Hashes

Bucket = tuple[bool, int]  # is it openings; the top byte of the hash: counted exactly at a time


def survey_on_beam(
    parts: Sequence[str], surveyor: Surveyor, file: str, runner_flags: Sequence[str]
) -> Survey:
    """Surveys all parts.

    Args:
        parts: Parquet files of annotated utterances.
        surveyor: how they are counted; pickled to the workers.
        file: where the result passes through; removed again.
        runner_flags: Beam's own flags.

    Raises:
        StageFailed: a worker failed.
        UsageError: the runner flags are not Beam's.
    """
    options = pipeline_options(runner_flags)
    if not parts:
        return Survey()
    pipeline = beam.Pipeline(options=options, runner=choose_runner(options))
    paths = pipeline | "Parts" >> beam.Create(list(parts), reshuffle=False)
    paths = paths | "Spread" >> beam.Reshuffle()
    tally = (
        paths
        | "HashChunks" >> beam.FlatMap(surveyor.hashes, ids=False)
        | "CountChunks" >> beam.Map(surveyor.count)
        | "AddTables" >> beam.CombineGlobally(_AddTables(surveyor))
    )
    _ = (
        paths
        | "FindRows" >> beam.ParDo(_FindRows(surveyor), beam.pvalue.AsSingleton(tally))
        | "Bucket" >> beam.GroupByKey()
        | "CountExactly" >> beam.ParDo(_CountExactly(surveyor), beam.pvalue.AsSingleton(tally))
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


class _AddTables(beam.CombineFn):
    """The sum of all chunks' counts."""

    def __init__(self, surveyor: Surveyor) -> None:
        self._surveyor = surveyor

    def create_accumulator(self) -> Tally:
        return self._surveyor.new_tally()

    def add_input(self, tally: Tally, chunk: ChunkCount) -> Tally:
        tally.add(chunk)
        return tally

    def merge_accumulators(self, tallies: Iterable[Tally]) -> Tally:
        total = self.create_accumulator()
        for tally in tallies:
            total.merge(tally)
        return total

    def extract_output(self, tally: Tally) -> Tally:
        return tally


class _FindRows(beam.DoFn):
    """Path of a part -> (bucket, (hashes, id hashes)) of what may be too much."""

    def __init__(self, surveyor: Surveyor) -> None:
        self._surveyor = surveyor

    def process(self, path: str, tally: Tally) -> Iterator[tuple[Bucket, tuple[Hashes, Hashes]]]:
        for chunk in self._surveyor.hashes(path, ids=True):
            for openings, hashes, ids in self._surveyor.suspects(chunk, tally):
                buckets = hashes >> np.uint64(56)
                for bucket in np.unique(buckets).tolist():
                    chosen = buckets == bucket
                    yield (openings, bucket), (hashes[chosen], ids[chosen])


class _CountExactly(beam.DoFn):
    """All occurrences of one bucket's hashes -> the overused ones."""

    def __init__(self, surveyor: Surveyor) -> None:
        self._surveyor = surveyor

    def process(
        self, bucket: tuple[Bucket, Iterable[tuple[Hashes, Hashes]]], tally: Tally
    ) -> Iterator[Overused]:
        (openings, _), pairs = bucket
        yield self._surveyor.overused(openings, list(pairs), tally)


class _Write(beam.DoFn):
    """Leaves the survey where the command finds it."""

    def __init__(self, file: str) -> None:
        self._file = file

    def process(self, found: Overused, tally: Tally) -> Iterator[None]:
        result = Survey(
            descriptions=tally.descriptions, overused=found, characters=tally.characters
        )
        files.write_text(self._file, result.to_json())
        yield None


def _merge(parts: Iterable[Overused]) -> Overused:
    return merge(list(parts))
