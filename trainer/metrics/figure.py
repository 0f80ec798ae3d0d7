"""What a metric gives: a figure with its count, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.metrics.measurement import Measurement


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure over a set of cases; no figure where no case could be judged."""

    value: float | None  # in the unit the papers print
    count: int  # cases it is over: utterances, pairs, ratings
    left_out: int = 0  # cases asked for without a verdict; not in `count`
    low: float | None = None  # 95 % interval, where there is one
    high: float | None = None
    missing: str | None = None  # why there is no value

    def measurement(
        self, *, system: str, task: str, language: str, metric: str, judge: str | None
    ) -> Measurement:
        """The figure under the name of what it is of.

        >>> of = {"system": "s2", "task": "to_easy", "language": "en", "judge": None}
        >>> Figure(97.4, 500).measurement(metric="acc_i", **of).value
        97.4
        """
        return Measurement(
            system=system,
            task=task,
            language=language,
            metric=metric,
            value=self.value,
            missing=self.missing,
            count=self.count,
            low=self.low,
            high=self.high,
            judge=judge,
        )


def no_figure(why: str, left_out: int = 0) -> Figure:
    """No case could be judged: which model or file is not there, or what is wrong with the cases.

    >>> no_figure("no emotion model is installed").value is None
    True
    """
    return Figure(None, 0, left_out, missing=why)


def mean_of(values: list[float], left_out: int = 0, scale: float = 1.0) -> Figure:
    """The mean of what there is, times a scale; left out is what has no value.

    >>> mean_of([1.0, 0.0, 1.0, 1.0], scale=100.0)
    Figure(value=75.0, count=4, left_out=0, low=None, high=None, missing=None)
    """
    if not values:
        return no_figure(f"none of {left_out} cases has a verdict", left_out)
    return Figure(scale * sum(values) / len(values), len(values), left_out)
