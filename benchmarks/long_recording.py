"""What separating and diarizing a long recording are held to: memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results import Claim, Series

MEMORY_BAR_MB = 2000.0
GROWTH_BAR = 1.1  # of the peak, from the shortest recording to the longest


@dataclass(frozen=True)
class Run:
    """One recording: its length, CPU seconds, and the most memory its process held."""

    minutes: float
    cpu_seconds: float
    peak_mb: float


def claims_of(runs: Sequence[Run], from_minutes: float = 0.0) -> tuple[Claim, ...]:
    """The peak over all lengths, and the longest recording's against the shortest's.

    Args:
        runs: of all lengths.
        from_minutes: shorter recordings do not fill the chunks that are held at once, and say
            nothing about growth.

    >>> [claim.met for claim in claims_of([Run(1.0, 9.0, 800.0), Run(16.0, 99.0, 900.0)])]
    [True, False]
    """
    longest = max(one.minutes for one in runs)
    whole = (one.minutes for one in runs if one.minutes >= from_minutes)
    shortest = min(whole, default=longest)
    peaks = {one.minutes: one.peak_mb for one in sorted(runs, key=lambda one: one.peak_mb)}
    text = f"peak memory, up to {longest:g} min"
    claims = [Claim(text, max(peaks.values()), "MB", MEMORY_BAR_MB, at_least=False)]
    if shortest < longest:
        text = f"peak memory at {longest / shortest:g} times the length"
        value = peaks[longest] / peaks[shortest]
        claims.append(Claim(text, value, "x", GROWTH_BAR, at_least=False))
    return tuple(claims)


def series_of(runs: Sequence[Run]) -> tuple[Series, ...]:
    """CPU seconds a second of sound, then megabytes, by length."""
    lengths = sorted({one.minutes for one in runs})
    by_length = {length: [one for one in runs if one.minutes == length] for length in lengths}
    cost = "CPU-s a second of sound"
    costs = [
        Series("ours", at, "min", cost, tuple(one.cpu_seconds / (at * 60) for one in found))
        for at, found in by_length.items()
    ]
    peaks = [
        Series("ours", at, "min", "MB", tuple(one.peak_mb for one in found))
        for at, found in by_length.items()
    ]
    return (*costs, *peaks)
