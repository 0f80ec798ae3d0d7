"""Runs a stage on Beam: parts to workers, parts written, facts added up, ``stage.json`` last."""

from __future__ import annotations

import contextlib
import json
import logging
import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import PCollection
from apache_beam.runners.runner import PipelineRunner

from pipelines import files, progress
from pipelines.duplicates import bucket_hashes, repeated_hashes
from pipelines.errors import PipelineError, StageFailed, UsageError
from pipelines.repeats import DropRepeated, WrittenPart
from pipelines.stage import Stage, hash_strings
from schemas import PartFacts, StageFacts
from schemas.facts import hours, no_hashes

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
    _clear(stage, output)
    options = pipeline_options(runner_flags)
    with progress.reporter(stage.name, stage.unit, expected_rows):
        try:
            result = _pipeline(stage, elements, output, options).run()
            result.wait_until_finish()
        except Exception as error:
            # A worker's exception crosses the runner as text; what it left on disk says it whole.
            message = _failure(output) or _said(error)
            if message is None:
                raise
            raise StageFailed(message) from error
    facts = StageFacts.from_json(files.read_text(files.join(output, "stage.json")))
    run_facts = Counter(json.loads(files.read_text(_run_file(output))))
    run_facts.update(extra_run_facts or {})
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    summary: dict[str, int | float] = dict(sorted(run_facts.items()))
    summary["seconds"] = round(time.monotonic() - started, 3)
    summary["peak_rss_bytes"] = max(part.ru_maxrss for part in usage) * 1024
    if "cost_pico_usd" in summary:
        summary["cost_usd"] = summary.pop("cost_pico_usd") / 1e12
    files.write_text(_run_file(output), json.dumps(summary, indent=2) + "\n")
    return facts


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
        | "AddUp" >> beam.CombineGlobally(_sum_facts)
        | "Finish" >> beam.ParDo(_Finish(stage, output))
    )
    return pipeline


class _RunPart(beam.DoFn):
    """(index, element) -> WrittenPart, and the hashes of its ids by bucket."""

    def __init__(self, stage: Stage[Any, Any], output: str) -> None:
        self._stage, self._output = stage, output

    def setup(self) -> None:
        with _failures_kept(self._output, "setup"):
            self._stage.setup()

    def teardown(self) -> None:
        self._stage.teardown()

    def process(self, numbered: tuple[int, object]) -> Iterator[object]:
        index, element = numbered
        facts, ids = PartFacts(), [no_hashes()]
        with (
            _failures_kept(self._output, f"part-{index:05d}"),
            self._stage.open_writer(self._output, index, element) as writer,
        ):
            for chunk in self._stage.read(element):
                block = self._stage.transform(chunk)
                done = self._stage.account(chunk, block)
                facts += done
                writer.write(block.rows, list(block.rejections))
                if self._stage.unique_ids:
                    ids.append(hash_strings(block.rows.column("id").to_pylist()))
                progress.advance(done.rows_in, block.run)  # in the stage's unit
        for bucket, hashes in bucket_hashes(np.concatenate(ids)):
            yield beam.pvalue.TaggedOutput(IDS, (bucket, (index, hashes)))
        yield WrittenPart(index, writer.paths, facts)


class _Finish(beam.DoFn):
    """Checks conservation over the whole stage, then writes ``stage.json``: the mark of done."""

    def __init__(self, stage: Stage[Any, Any], output: str) -> None:
        self._stage, self._output = stage, output

    def process(self, total: PartFacts) -> Iterator[None]:
        with _failures_kept(self._output, "finish"):
            facts = stage_facts(self._stage, total)
            files.write_text(_run_file(self._output), json.dumps(total.run))
            files.write_text(files.join(self._output, "stage.json"), facts.to_json())
        yield None


def stage_facts(stage: Stage[Any, Any], total: PartFacts) -> StageFacts:
    """The stage's facts from the sum of its parts.

    Raises:
        StageFailed: rows in are not rows out plus rows rejected.
    """
    rejected = sum(total.rejected.values())
    if total.rows_in != total.rows_out + rejected:
        raise StageFailed(
            f"{stage.name}: {total.rows_in} {stage.unit}s in, but {total.rows_out} out and "
            f"{rejected} rejected: some are lost; this is a bug of the stage"
        )
    return StageFacts(
        stage=stage.name,
        source=stage.source,
        unit=stage.unit,
        rows_in=total.rows_in,
        rows_out=total.rows_out,
        rejected=dict(total.rejected),
        hours_in=hours(total.microseconds_in),
        hours_out=hours(total.microseconds_out),
        rejected_hours={key: hours(value) for key, value in total.rejected_microseconds.items()},
        speakers_in=len(total.speakers_in),
        speakers_out=len(total.speakers_out),
        backend=stage.backend,
        prompt_sha256=stage.prompts,
        counts=dict(total.counts),
    )


def _sum_facts(parts: Iterable[PartFacts]) -> PartFacts:
    total = PartFacts()
    for part in parts:
        total += part
    return total


class _failures_kept:  # noqa: N801  (used as a statement)
    """Leaves a PipelineError's message in the output folder before it crosses the runner."""

    def __init__(self, output: str, name: str) -> None:
        self._path = files.join(output, "failed", f"{name}.txt")

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Writes the message; the exception goes on."""
        if isinstance(error, PipelineError):
            with contextlib.suppress(PipelineError):  # on a full disk; `_said` has to do then
                files.write_text(self._path, str(error))


def _failure(output: str) -> str | None:
    found = files.list_files(files.join(output, "failed", "*.txt"))
    return files.read_text(found[0]) if found else None


def _said(error: Exception) -> str | None:
    """The worker's message in the runner's text, for a disk too full to leave it on."""
    last = (str(error).strip().splitlines() or [""])[-1]
    _, found, message = last.rpartition("StageFailed: ")
    if not found and not isinstance(error, StageFailed):
        return None
    return message.partition(" [while running ")[0]


def _clear(stage: Stage[Any, Any], output: str) -> None:
    """Takes the mark of done first, then everything an earlier run of the stage left."""
    files.delete([files.join(output, "stage.json")])
    for pattern in (*stage.output_patterns, "rejected/part-*.parquet", "failed/*.txt"):
        files.delete(files.list_files(files.join(output, pattern), temporary=True))
    files.make_folder(output)


def _run_file(output: str) -> str:
    return output.rstrip("/") + ".run.json"


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
