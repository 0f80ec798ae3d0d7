"""Seconds as whole microseconds: times compare exactly, whatever floats they came from.

Corpora write times as decimals with two to four places. 11.75 + 5.0 is exact in a float, 0.1 + 0.2
is not, and a rule such as "more than 5 s" must not depend on which of the two it meets.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Microseconds = NDArray[np.int64]

# 2^53 us: beyond it a float of microseconds is no longer a whole number's float. That is 285 years.
_LIMIT = 2.0**53


class Timed(Protocol):
    """Whatever has a start and a duration, both in seconds."""

    @property
    def start(self) -> float:
        """Seconds from the start of the recording."""

    @property
    def duration(self) -> float:
        """Seconds."""


def to_microseconds(seconds: float) -> int:
    """The whole number of microseconds nearest to ``seconds`` (ties to even).

    Raises:
        ValueError: not a finite number, or more than 285 years.

    >>> to_microseconds(0.1) + to_microseconds(0.2) == to_microseconds(0.3)
    True
    """
    scaled = seconds * 1e6
    if not abs(scaled) < _LIMIT:
        raise ValueError(f"not a time in seconds: {seconds!r}")
    return round(scaled)


def spans(timed: Sequence[Timed]) -> tuple[Microseconds, Microseconds]:
    """Starts and ends of all of them, as whole microseconds; end = start + duration, exactly.

    Raises:
        ValueError: a start or duration is not a finite number of seconds; names the first.

    >>> from schemas.episode import SpeechTurn
    >>> spans([SpeechTurn(start=4.6, duration=0.4, speaker="A")])
    (array([4600000]), array([5000000]))
    """
    starts = np.fromiter(map(attrgetter("start"), timed), np.float64, len(timed)) * 1e6
    durations = np.fromiter(map(attrgetter("duration"), timed), np.float64, len(timed)) * 1e6
    good = (np.abs(starts) < _LIMIT) & (np.abs(durations) < _LIMIT)
    if not good.all():
        wrong = timed[int(np.argmin(good))]
        raise ValueError(f"not a time in seconds: {wrong!r}")
    whole = np.rint(starts).astype(np.int64)
    return whole, whole + np.rint(durations).astype(np.int64)


def span_columns(
    starts: NDArray[np.float64], durations: NDArray[np.float64]
) -> tuple[Microseconds, Microseconds]:
    """What :func:`spans` gives, for columns of seconds.

    Raises:
        ValueError: a value is not a finite number of seconds; tells the place of the first.

    >>> span_columns(np.array([4.6]), np.array([0.4]))
    (array([4600000]), array([5000000]))
    """
    scaled = np.stack([starts, durations]) * 1e6
    good = (np.abs(scaled) < _LIMIT).all(axis=0)
    if not good.all():
        at = int(np.argmin(good))
        raise ValueError(f"not times in seconds: {starts[at]} and {durations[at]}, at place {at}")
    whole = np.rint(scaled).astype(np.int64)
    return whole[0], whole.sum(axis=0)
