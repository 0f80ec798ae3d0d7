"""Runs a stage in this process, part by part, without Beam.

Importing Beam and starting its local runner take two seconds, which is most of what a stage that
asks no model takes on a small corpus. The parts are the same, byte for byte. Where runner flags
name a runner or workers, :func:`pipelines.run.run_stage` does it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pipelines import progress
from pipelines.errors import PipelineError, StageFailed
from pipelines.stage import Stage
from pipelines.stage_run import clear, finish, finished, run_part, sum_facts
from pipelines.threads import MAX_THREADS, in_order
from schemas import StageFacts


def run_here(
    stage: Stage[Any, Any],
    elements: Sequence[object],
    output: str,
    *,
    expected_rows: int | None = None,
) -> StageFacts:
    """Runs the stage over its elements and finishes its output folder.

    Args:
        stage: what to do with each element. One whose ids must be unique over all parts needs
            Beam's shuffle.
        elements: shards or parts, in the order that numbers the output parts.
        output: folder that gets ``part-*.parquet``, ``rejected/`` and ``stage.json``.
        expected_rows: rows in, where known, for the progress bar's end.

    Raises:
        StageFailed: a part failed; finished parts stay, ``stage.json`` is not written.
        ValueError: the stage wants unique ids.
    """
    if stage.unique_ids:
        raise ValueError(f"{stage.name}: ids are made unique by Beam; call pipelines.run.run_stage")
    started = time.monotonic()
    clear(stage, output)
    with progress.reporter(stage.name, stage.unit, expected_rows):
        try:
            stage.setup()
            try:
                parts = in_order(
                    lambda one: run_part(stage, output, *one)[0],
                    list(enumerate(elements)),
                    threads=MAX_THREADS if stage.threads else 1,
                )
            finally:
                stage.teardown()
            finish(stage, output, sum_facts(part.facts for part in parts))
        except PipelineError as error:  # a part is work: bad input is no bad usage any more
            raise StageFailed(str(error)) from error
    return finished(output, started)
