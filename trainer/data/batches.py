"""A global batch -> each rank's share of it -> microbatches of rows of like length. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from trainer.batch import microbatches

Row = TypeVar("Row")


def share(rows: Sequence[Row], size: Callable[[Row], int], rank: int, world_size: int) -> list[Row]:
    """One rank's rows of a batch: every row is one rank's, and ranks have nearly equal tokens.

    Longest first, each to the rank with the fewest tokens so far, the lowest among equals; but no
    rank gets more than its number of rows, so that each has some where there are enough.

    Args:
        rows: of the batch, the same on every rank.
        size: tokens of a row.
        rank: from 0.
        world_size: how many ranks there are.

    >>> [share([9, 1, 2, 8], lambda row: row, rank, 2) for rank in (0, 1)]
    [[9, 1], [2, 8]]
    """
    tokens, taken = [0] * world_size, [0] * world_size
    most = -(-len(rows) // world_size)
    mine: list[int] = []
    for index in sorted(range(len(rows)), key=lambda index: (-size(rows[index]), index)):
        open_ranks = [one for one in range(world_size) if taken[one] < most]
        chosen = min(open_ranks, key=lambda one: (tokens[one], one))
        tokens[chosen] += size(rows[index])
        taken[chosen] += 1
        if chosen == rank:
            mine.append(index)
    return [rows[index] for index in sorted(mine)]


def bucketed(rows: Sequence[Row], size: Callable[[Row], int], max_tokens: int) -> list[list[Row]]:
    """Microbatches of rows of like length, each within the budget with its padding.

    Args:
        rows: in any order.
        size: tokens of a row.
        max_tokens: of a microbatch, its padding included; a longer row goes alone.

    >>> bucketed([5, 1, 6, 2], lambda row: row, max_tokens=12)
    [[1, 2], [5, 6]]
    """
    in_order = sorted(range(len(rows)), key=lambda index: (size(rows[index]), index))
    return list(microbatches([rows[index] for index in in_order], size, max_tokens))


def padding(rows: Sequence[Sequence[Row]], size: Callable[[Row], int]) -> float:
    """The share of microbatches' tokens that is padding.

    >>> round(padding([[4, 2], [2]], lambda row: row), 3)
    0.2
    """
    whole = sum(len(one) * max(map(size, one)) for one in rows)
    return 1.0 - sum(size(row) for one in rows for row in one) / whole
