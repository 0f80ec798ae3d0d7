"""Training runs for the report: what ``<run>/log.jsonl`` says, as curves and as a table.

A run of the trainer writes one JSON object a step. Steps that were trained again after a kill are
in it twice, and the later line counts; the last line may be torn. Curves have at most
:data:`POINTS` points: of a longer log, means over equal stretches.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pipelines import files
from pipelines.errors import UsageError

LOG = "log.jsonl"
POINTS = 240
WIDTH, HEIGHT = 600, 160  # of a curve's picture, in its own units
_DRAWN = ("loss", "reward")
# What the table shows of a log, in this order; the parts of a reward come after it.
_SHOWN = (
    *("loss", "accuracy", "margin", "reward"),
    *("kl", "entropy", "length", "dead_groups", "truncated_share", "tokens_per_s"),
)
_PART = re.compile(r"reward_(?!chosen$|rejected$)\w{1,40}(?<!_failed)")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One measure over the steps of a run."""

    name: str
    first_step: int  # counted from 1, as people count
    last_step: int
    first: float
    last: float
    low: float  # over all steps, not over the points drawn
    high: float
    points: tuple[tuple[float, float], ...]  # (step, mean value), in order

    @property
    def path(self) -> str:
        """The ``d`` of an SVG path in a box of :data:`WIDTH` x :data:`HEIGHT`, higher is up.

        >>> Curve(
        ...     name="loss", first_step=1, last_step=3, first=4.0, last=2.0, low=2.0, high=4.0,
        ...     points=((1, 4.0), (2, 3.0), (3, 2.0)),
        ... ).path
        'M0,0 L300,80 L600,160'
        """
        steps = max(self.last_step - self.first_step, 1)
        range_ = self.high - self.low
        found = []
        for step, value in self.points:
            x = WIDTH * (step - self.first_step) / steps
            y = HEIGHT * ((self.high - value) / range_ if range_ else 0.5)
            found.append(f"{round(x, 1):g},{round(y, 1):g}")
        if len(found) == 1:  # one step: a line across, since a point has no length
            found.append(f"{WIDTH},{found[0].partition(',')[2]}")
        return "M" + " L".join(found)


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
        first_step=found[0][0],
        last_step=found[-1][0],
        first=values[0],
        last=values[-1],
        low=min(values),
        high=max(values),
        points=tuple(thinned(found)),
    )


def thinned(points: Sequence[tuple[float, float]], most: int = POINTS) -> list[tuple[float, float]]:
    """At most so many points: means over stretches of as nearly equal length as there can be.

    >>> thinned([(1, 4.0), (2, 2.0), (3, 5.0), (4, 7.0)], most=2)
    [(1.5, 3.0), (3.5, 6.0)]
    """
    if len(points) <= most:
        return list(points)
    edges = [len(points) * number // most for number in range(most + 1)]
    parts = [points[begin:end] for begin, end in zip(edges, edges[1:], strict=False)]
    return [
        (sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts
    ]


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
