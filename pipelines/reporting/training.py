"""Training runs for the report: what ``<run>/log.jsonl`` says, as curves and as a table.

A run of the trainer writes one JSON object a step. Steps that were trained again after a kill are
in it twice, and the later line counts; the last line may be torn. Curves have at most
``curves.POINTS`` points: of a longer log, means over equal stretches.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pipelines import files
from pipelines.errors import UsageError
from pipelines.reporting.curves import Curve, thinned

LOG = "log.jsonl"
_DRAWN = ("loss", "reward")
# What the table shows of a log, in this order; the parts of a reward come after it.
_SHOWN = (
    *("loss", "accuracy", "margin", "reward"),
    *("kl", "entropy", "length", "dead_groups", "truncated_share", "tokens_per_s"),
)
_PART = re.compile(r"reward_(?!chosen$|rejected$)\w{1,40}(?<!_failed)")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One row of the table: the first step's and the last step's."""

    name: str
    first: float
    last: float


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One run of the trainer."""

    name: str  # its folder under that of the runs
    steps: int
    seconds: float  # of the steps that were logged
    curves: tuple[Curve, ...]
    measures: tuple[Measure, ...]


def gather_training(folder: str) -> tuple[TrainingRun, ...]:
    """The folder's own run, or all under it, by name; none where there is no such folder.

    Raises:
        UsageError: a log is damaged.
    """
    folder = folder.rstrip("/")
    own = files.join(folder, LOG)
    paths = [own] if files.exists(own) else files.list_files(files.join(folder, "**", LOG))
    runs = []
    for path in paths:
        steps = _read(path)
        if steps:
            name = path.removesuffix(f"/{LOG}").removeprefix(f"{folder}/")
            runs.append(training_run(name, steps))
    return tuple(runs)


def training_run(name: str, steps: Mapping[int, Mapping[str, float]]) -> TrainingRun:
    """What the report shows of a run.

    Args:
        name: of the run.
        steps: step, from 0 -> what was logged of it; at least one.
    """
    logged = [steps[step] for step in sorted(steps)]
    names = [one for one in _SHOWN if any(one in entry for entry in logged)]
    parts = sorted({key for entry in logged for key in entry if _PART.fullmatch(key)})
    if "reward" in names:
        after = names.index("reward") + 1
        names[after:after] = parts
    measures = []
    for one in names:
        values = [entry[one] for entry in logged if one in entry]
        measures.append(Measure(name=one, first=values[0], last=values[-1]))
    curves = (_curve(one, steps) for one in _DRAWN)
    return TrainingRun(
        name=name,
        steps=len(steps),
        seconds=sum(entry.get("seconds", 0.0) for entry in logged),
        curves=tuple(curve for curve in curves if curve is not None),
        measures=tuple(measures),
    )


def _curve(name: str, steps: Mapping[int, Mapping[str, float]]) -> Curve | None:
    found = [(step + 1, steps[step][name]) for step in sorted(steps) if name in steps[step]]
    if not found:
        return None
    values = [value for _, value in found]
    return Curve(
        name=name,
        begin=found[0][0],
        end=found[-1][0],
        first=values[0],
        last=values[-1],
        low=min(values),
        high=max(values),
        points=tuple(thinned(found)),
    )


def _read(path: str) -> dict[int, dict[str, float]]:
    """Step -> the numbers logged of it; a torn last line is left out.

    Raises:
        UsageError: a line is not what a run writes.
    """
    *lines, _ = files.read_text(path).split("\n")
    steps: dict[int, dict[str, float]] = {}
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            step = entry.pop("step")
            if not isinstance(step, int) or isinstance(step, bool) or step < 0:
                raise ValueError(f"step {step!r}")
            steps[step] = {key: float(value) for key, value in entry.items() if _finite(value)}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path} line {number}: not a step of a training log ({error}); mend or remove "
                "the file, or give another --runs"
            ) from error
    return steps


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def link_to_tables(evaluation: str, output: str) -> str | None:
    """How a page in ``output`` links the tables of ``trainer.evaluate report``; None without any.

    Args:
        evaluation: folder of an evaluation.
        output: folder of the page, on this machine as the tables are.
    """
    tables = Path(evaluation, "report", "tables.html")
    if "://" in output or not tables.is_file():
        return None
    return quote(os.path.relpath(tables, output))
