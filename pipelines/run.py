"""Runs a stage on Beam: parts to workers, parts written, facts added up, ``stage.json`` last."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import PCollection
from apache_beam.runners.runner import PipelineRunner

from pipelines import progress
from pipelines.duplicates import bucket_hashes, repeated_hashes
from pipelines.errors import StageFailed, UsageError
from pipelines.repeats import DropRepeated
from pipelines.stage import Stage
from pipelines.stage_run import (
    WrittenPart,
    clear,
    failure,
    failures_kept,
    finish,
    finished,
    run_part,
    sum_facts,
)
from schemas import PartFacts, StageFacts

IDS = "ids"  # the tagged output that carries the hashes of a part's ids


def run_stage(
    stage: Stage[Any, Any],
    elements: Sequence[object],
    output: str,
    *,
    runner_flags: Sequence[str] = (),
    expected_rows: int | None = None,
    extra_run_facts: Counter[str] | None = None,
) -> StageFacts:
    """Runs the stage over its elements and finishes its output folder.

    Args:
        stage: what to do with each element; pickled to the workers.
        elements: shards or parts, in the order that numbers the output parts.
        output: folder that gets ``part-*.parquet``, ``rejected/`` and ``stage.json``.
        runner_flags: Beam's own flags; without ``--runner`` the local FnApiRunner is used.
        expected_rows: rows in, where known, for the progress bar's end.
        extra_run_facts: facts of the run that were gathered before the parts (calls, cost).

    Raises:
        StageFailed: a worker failed; finished parts stay, ``stage.json`` is not written.
        UsageError: the runner flags are not Beam's.
    """
    started = time.monotonic()
    clear(stage, output)
    options = pipeline_options(runner_flags)
    with progress.reporter(stage.name, stage.unit, expected_rows):
        try:
            result = _pipeline(stage, elements, output, options).run()
            result.wait_until_finish()
        except Exception as error:
            # A worker's exception crosses the runner as text; what it left on disk says it whole.
            message = failure(output) or _said(error)
            if message is None:
                raise
            raise StageFailed(message) from error
    return finished(output, started, extra_run_facts)


def _pipeline(
    stage: Stage[Any, Any], elements: Sequence[object], output: str, options: PipelineOptions
) -> beam.Pipeline:
    pipeline = beam.Pipeline(options=options, runner=choose_runner(options))
    parts = (
        pipeline
        | "Elements" >> beam.Create(list(enumerate(elements)), reshuffle=False)
        | "Spread" >> beam.Reshuffle()
        | stage.name >> beam.ParDo(_RunPart(stage, output)).with_outputs(IDS, main="parts")
    )
    written: PCollection[WrittenPart] = parts.parts
    if stage.unique_ids:
        repeated = (
            parts[IDS]
            | "Bucket" >> beam.GroupByKey()
            | "FindRepeated" >> beam.FlatMap(lambda bucket: repeated_hashes(bucket[1]).items())
        )
        written = (
            {
                "part": written | "PartByIndex" >> beam.Map(lambda part: (part.index, part)),
                "repeated": repeated,
            }
            | "Meet" >> beam.CoGroupByKey()
            | "DropRepeated" >> beam.ParDo(DropRepeated(stage, output))
        )
    _ = (
        written
        | "Facts" >> beam.Map(lambda part: part.facts)
        | "AddUp" >> beam.CombineGlobally(sum_facts)
        | "Finish" >> beam.ParDo(_Finish(stage, output))
    )
    return pipeline


class _RunPart(beam.DoFn):
    """(index, element) -> WrittenPart, and the hashes of its ids by bucket."""

    def __init__(self, stage: Stage[Any, Any], output: str) -> None:
        self._stage, self._output = stage, output

    def setup(self) -> None:
        with failures_kept(self._output, "setup"):
            self._stage.setup()

    def teardown(self) -> None:
        self._stage.teardown()

    def process(self, numbered: tuple[int, object]) -> Iterator[object]:
        index, element = numbered
        part, ids = run_part(self._stage, self._output, index, element)
        for bucket, hashes in bucket_hashes(ids):
            yield beam.pvalue.TaggedOutput(IDS, (bucket, (index, hashes)))
        yield part


class _Finish(beam.DoFn):
    """Checks conservation over the whole stage, then writes ``stage.json``: the mark of done."""

    def __init__(self, stage: Stage[Any, Any], output: str) -> None:
        self._stage, self._output = stage, output

    def process(self, total: PartFacts) -> Iterator[None]:
        finish(self._stage, self._output, total)
        yield None


def _said(error: Exception) -> str | None:
    """The worker's message in the runner's text, for a disk too full to leave it on."""
    last = (str(error).strip().splitlines() or [""])[-1]
    _, found, message = last.rpartition("StageFailed: ")
    if not found and not isinstance(error, StageFailed):
        return None
    return message.partition(" [while running ")[0]


def pipeline_options(flags: Sequence[str]) -> PipelineOptions:
    """Beam's options from its own flags.

    Raises:
        UsageError: a flag is not Beam's.
    """
    try:
        options = PipelineOptions(list(flags))
        unknown = options.get_all_options(retain_unknown_options=True).keys() - (
            options.get_all_options().keys()
        )
    except SystemExit as error:  # argparse inside Beam
        raise UsageError(f"not Beam's runner flags: {' '.join(flags)}") from error
    if unknown:
        raise UsageError(f"not Beam's runner flags: {', '.join(sorted(unknown))}")
    return options


def choose_runner(options: PipelineOptions) -> PipelineRunner | None:
    """The runner named by the flags; FnApiRunner by name where none is named.

    Beam's own default (DirectRunner) first tries to download another runner.
    """
    name = options.get_all_options().get("runner")
    if name:
        return None  # Beam makes it from the options
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

    # Beam logs a worker's traceback several times over; the command's one line is enough.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    return FnApiRunner()
