"""A measure as a curve: its points, and their path in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

POINTS = 240
WIDTH, HEIGHT = 600, 160  # of a curve's picture, in its own units


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One measure over steps or over time."""

    name: str
    begin: float  # step from 1, as people count, or seconds
    end: float
    first: float  # value at the beginning
    last: float
    low: float  # over all steps, not over the points drawn
    high: float
    points: tuple[tuple[float, float], ...]  # (step or seconds, value), in order
    breaks: tuple[float, ...] = ()  # where time was cut out

    @property
    def path(self) -> str:
        """The ``d`` of an SVG path in a box of :data:`WIDTH` x :data:`HEIGHT`, higher is up.

        >>> Curve(
        ...     name="loss", begin=1, end=3, first=4.0, last=2.0, low=2.0, high=4.0,
        ...     points=((1, 4.0), (2, 3.0), (3, 2.0)),
        ... ).path
        'M0,0 L300,80 L600,160'
        """
        range_ = self.high - self.low
        found = []
        for at, value in self.points:
            y = HEIGHT * ((self.high - value) / range_ if range_ else 0.5)
            found.append(f"{self._across(at)},{round(y, 1):g}")
        if len(found) == 1:  # one step: a line across, since a point has no length
            found.append(f"{WIDTH},{found[0].partition(',')[2]}")
        return "M" + " L".join(found)

    @property
    def break_path(self) -> str:
        """The ``d`` of upright lines where time was cut out; empty without any."""
        return " ".join(f"M{self._across(at)},0 V{HEIGHT}" for at in self.breaks)

    def _across(self, at: float) -> str:
        return f"{round(WIDTH * (at - self.begin) / ((self.end - self.begin) or 1), 1):g}"


def thinned(points: Sequence[tuple[float, float]], most: int = POINTS) -> list[tuple[float, float]]:
    """At most so many points: means over stretches of as nearly equal length as there can be.

    >>> thinned([(1, 4.0), (2, 2.0), (3, 5.0), (4, 7.0)], most=2)
    [(1.5, 3.0), (3.5, 6.0)]
    """
    return [
        (sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part))
        for part in _stretches(points, most)
    ]


def sampled(points: Sequence[tuple[float, float]], most: int = POINTS) -> list[tuple[float, float]]:
    """The last point of each stretch, for what only adds up: the end stays the end.

    >>> sampled([(1, 4.0), (2, 6.0), (3, 7.0), (4, 9.0)], most=2)
    [(2, 6.0), (4, 9.0)]
    """
    return [part[-1] for part in _stretches(points, most)]


def _stretches(
    points: Sequence[tuple[float, float]], most: int
) -> list[Sequence[tuple[float, float]]]:
    number = min(most, len(points))
    edges = [len(points) * at // number for at in range(number + 1)] if number else []
    return [points[begin:end] for begin, end in zip(edges, edges[1:], strict=False)]
