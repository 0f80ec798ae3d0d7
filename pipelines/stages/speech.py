"""A diarization, ready to be asked how much of a span a speaker speaks.

All times are whole microseconds. A speaker's turns are united into disjoint stretches, and how much
they cover up to any time is a prefix sum: one binary search answers for one time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.stages.microseconds import Microseconds, spans
from schemas.episode import SpeechTurn

Owners = NDArray[np.unsignedinteger[Any]]  # a small number for each span: whose it is

NEVER = np.iinfo(np.int64).max // 4  # later than any time, and adding to it cannot overflow


@dataclass(frozen=True)
class Stretches:
    """Disjoint stretches of time in order, and how much they cover up to each."""

    starts: Microseconds  # stretches, then one that never starts
    ends: Microseconds  # stretches only
    before: Microseconds  # time covered by the stretches before each, and by all of them

    @classmethod
    def of(cls, starts: Microseconds, ends: Microseconds) -> Stretches:
        """From disjoint stretches in order."""
        before = np.concatenate([[0], np.cumsum(ends - starts)])
        return cls(np.append(starts, NEVER), ends, before)

    def inside(self, starts: Microseconds, ends: Microseconds) -> Microseconds:
        """Time covered inside each span."""
        return self._until(ends, self.ended(ends)) - self._until(starts, self.ended(starts))

    def inside_and_first(
        self, starts: Microseconds, ends: Microseconds
    ) -> tuple[Microseconds, Microseconds]:
        """Time covered inside each span, and when it is first covered from its start on."""
        index = self.ended(starts)
        covered = self._until(ends, self.ended(ends)) - self._until(starts, index)
        return covered, np.maximum(self.starts[index], starts)

    def touched(self, starts: Microseconds, ends: Microseconds) -> NDArray[np.intp]:
        """The places of the spans in which any time is covered."""
        return np.flatnonzero(self.starts[self.ended(starts)] < ends)

    def ended(self, times: Microseconds) -> NDArray[np.intp]:
        """How many stretches have ended by each time (`<=`)."""
        index: NDArray[np.intp] = np.searchsorted(self.ends, times, side="right")
        return index

    def _until(self, times: Microseconds, index: NDArray[np.intp]) -> Microseconds:
        time: Microseconds = self.before[index] + np.maximum(times - self.starts[index], 0)
        return time


@dataclass(frozen=True)
class Speech:
    """A diarization ready to be asked: who speaks, whether anyone does, whether several do."""

    labels: list[str]  # sorted: the first of two equals is the one whose label sorts first
    speakers: list[Stretches]  # of the labels, one by one
    anyone: Stretches
    several: Stretches

    @classmethod
    def of(cls, turns: Sequence[SpeechTurn]) -> Speech:
        """From turns in any order; a speaker's own may overlap.

        Raises:
            ValueError: a turn has a negative length, or a time is not a finite number.

        >>> turns = [SpeechTurn(start=0.0, duration=2.0, speaker="A"),
        ...          SpeechTurn(start=1.0, duration=2.0, speaker="A")]
        >>> Speech.of(turns).speakers[0].ends
        array([3000000])
        """
        starts, ends = spans(turns)
        if (ends < starts).any():
            wrong = turns[int(np.argmax(ends < starts))]
            raise ValueError(f"a speech turn of negative length: {wrong!r}")
        spoken = list(map(attrgetter("speaker"), turns))
        labels = sorted(set(spoken))
        number = {label: index for index, label in enumerate(labels)}
        # Numpy sorts small whole numbers several times as fast as large ones.
        small = np.min_scalar_type(len(labels))
        speaker = np.fromiter(map(number.__getitem__, spoken), small, len(turns))
        ((starts, ends, speaker),) = _stretches(starts, ends, speaker, depths=(1,))
        edges = np.searchsorted(speaker, np.arange(len(labels) + 1)).tolist()
        anyone, several = covered(starts, ends, depths=(1, 2))
        return cls(
            labels=labels,
            speakers=[Stretches.of(starts[a:b], ends[a:b]) for a, b in pairwise(edges)],
            anyone=Stretches.of(*anyone),
            several=Stretches.of(*several),
        )


def covered(
    starts: Microseconds, ends: Microseconds, depths: Sequence[int] = (1,)
) -> list[tuple[Microseconds, Microseconds]]:
    """For each depth the maximal stretches in which at least so many spans hold, in order.

    >>> covered(np.array([0, 2, 5]), np.array([3, 5, 6]), depths=(1, 2))
    [(array([0]), array([6])), (array([2]), array([3]))]
    """
    owners = np.zeros(len(starts), np.uint8)
    return [(opens, closes) for opens, closes, _ in _stretches(starts, ends, owners, depths)]


def _stretches(
    starts: Microseconds, ends: Microseconds, owners: Owners, depths: Sequence[int]
) -> list[tuple[Microseconds, Microseconds, Owners]]:
    """The same for each owner of spans by itself, and whose each stretch is; owner by owner."""
    times = np.concatenate([starts, ends])
    owners = np.concatenate([owners, owners])
    # At one time what starts comes before what ends, so that touching spans make one stretch.
    order = np.lexsort((times, owners))  # stable
    times, owners = times[order], owners[order]
    begins = order < len(starts)
    level = np.cumsum(np.where(begins, 1, -1))  # an owner's spans all end: the next begins at 0
    found = []
    for depth in depths:
        opens = np.flatnonzero(begins & (level == depth))
        closes = np.flatnonzero(~begins & (level == depth - 1))
        real = times[closes] > times[opens]
        opens, closes = opens[real], closes[real]
        found.append((times[opens], times[closes], owners[opens]))
    return found
