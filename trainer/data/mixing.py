"""Which source the next row is from, so that the shares hold all along. Pure.

Not drawn: the source that is farthest behind its share is next. After n rows each source has its
share of n to within one row (two sources), so that a batch of S3 with 5 % of S2 has its 5 %, and
all that has to be kept to go on is how many rows each gave.
"""

from __future__ import annotations

from collections.abc import Sequence


def shares(weights: Sequence[float]) -> list[float]:
    """Weights as shares of 1.

    >>> shares([3, 1])
    [0.75, 0.25]
    """
    total = sum(weights)
    return [weight / total for weight in weights]


def next_source(parts: Sequence[float], counts: Sequence[int]) -> int:
    """The source of the next row; the first among equals.

    Args:
        parts: share of each source, 1 together.
        counts: rows that each gave so far.

    >>> counts = [0, 0]
    >>> for _ in range(8):
    ...     counts[next_source([0.75, 0.25], counts)] += 1
    >>> counts
    [6, 2]
    """
    rows = sum(counts) + 1
    behind = [part * rows - count for part, count in zip(parts, counts, strict=True)]
    return max(range(len(parts)), key=lambda index: behind[index])
