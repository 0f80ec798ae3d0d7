"""What running a stage comes to, whoever runs it: parts written, facts added up, ``stage.json``.

:mod:`pipelines.run` has Beam do it, :mod:`pipelines.run_here` does it in this process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import resource
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines import files, progress
from pipelines.errors import PipelineError, StageFailed
from pipelines.hashes import hash_strings
from pipelines.part_list import REJECTED, written_parts
from pipelines.stage import Stage
from schemas import PartFacts, StageFacts
from schemas.facts import Hashes, no_hashes


@dataclass(frozen=True)
class WrittenPart:
    """One part of the output as a worker left it."""

    index: int
    paths: list[str]
    facts: PartFacts


def run_part(
    stage: Stage[Any, Any], output: str, index: int, element: object
) -> tuple[WrittenPart, Hashes]:
    """Writes one part; also the hashes of its ids, where the stage wants them unique.

    Raises:
        StageFailed: a row was lost, or what the stage itself raises.
    """
    facts, ids = PartFacts(), [no_hashes()]
    with (
        failures_kept(output, f"part-{index:05d}"),
        stage.open_writer(output, index, element) as writer,
    ):
        for chunk in stage.read(element):
            block = stage.transform(chunk)
            done = stage.account(chunk, block)
            facts += done
            writer.write(block.rows, list(block.rejections))
            if stage.unique_ids:
                ids.append(hash_strings(block.rows.column("id")))
            progress.advance(done.rows_in, block.run)  # in the stage's unit
    return WrittenPart(index, writer.paths, facts), np.concatenate(ids)


def finish(stage: Stage[Any, Any], output: str, total: PartFacts) -> None:
    """Checks conservation over the whole stage, then writes ``stage.json``: the mark of done.

    Raises:
        StageFailed: rows in are not rows out plus rows rejected.
    """
    with failures_kept(output, "finish"):
        parts = written_parts(output, stage.output_patterns)
        facts = dataclasses.replace(stage_facts(stage, total), parts=parts)
        files.write_text(run_file(output), json.dumps(total.run))
        files.write_text(files.join(output, "stage.json"), facts.to_json())


def finished(
    output: str, started: float, extra_run_facts: Counter[str] | None = None
) -> StageFacts:
    """The facts of a finished stage, after ``<output>.run.json`` got what the run came to.

    Args:
        output: the stage's folder.
        started: `time.monotonic` when the run began.
        extra_run_facts: facts of the run that no part has.
    """
    facts = StageFacts.from_json(files.read_text(files.join(output, "stage.json")))
    run_facts = Counter(json.loads(files.read_text(run_file(output))))
    run_facts.update(extra_run_facts or {})
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    summary: dict[str, int | float] = dict(sorted(run_facts.items()))
    summary["seconds"] = round(time.monotonic() - started, 3)
    summary["peak_rss_bytes"] = max(part.ru_maxrss for part in usage) * 1024
    if "cost_pico_usd" in summary:
        summary["cost_usd"] = summary.pop("cost_pico_usd") / 1e12
    files.write_text(run_file(output), json.dumps(summary, indent=2) + "\n")
    return facts


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
    return StageFacts.of_parts(
        total,
        stage=stage.name,
        source=stage.source,
        unit=stage.unit,
        backend=stage.backend,
        prompt_sha256=stage.prompts,
    )


def sum_facts(parts: Iterable[PartFacts]) -> PartFacts:
    """The facts of all parts together."""
    total = PartFacts()
    for part in parts:
        total += part
    return total


class failures_kept:  # noqa: N801  (used as a statement)
    """Leaves a PipelineError's message in the output folder before a runner may mangle it."""

    def __init__(self, output: str, name: str) -> None:
        """Takes the stage's output folder, and what the message is called in it."""
        self._path = files.join(output, "failed", f"{name}.txt")

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Writes the message; the exception goes on."""
        if isinstance(error, PipelineError):
            # On a full disk the runner's own text has to do.
            with contextlib.suppress(PipelineError):
                files.write_text(self._path, str(error))


def failure(output: str) -> str | None:
    """What a worker of a failed run left to be said; None where it left nothing."""
    found = files.list_files(files.join(output, "failed", "*.txt"))
    return files.read_text(found[0]) if found else None


def clear(stage: Stage[Any, Any], output: str) -> None:
    """Takes the mark of done first, then everything an earlier run of the stage left."""
    files.delete([files.join(output, "stage.json")])
    for pattern in (*stage.output_patterns, REJECTED, "failed/*.txt"):
        files.delete(files.list_files(files.join(output, pattern), temporary=True))
    files.make_folder(output)


def run_file(output: str) -> str:
    """Where the facts of a run are that differ from run to run: beside the output folder."""
    return output.rstrip("/") + ".run.json"
