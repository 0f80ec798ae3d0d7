"""The same work on many items by a few threads of this process.

It pays where the work is Arrow's or NumPy's, which let other threads run meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TypeVar

MAX_THREADS = 4  # more would wait: what is not Arrow's or NumPy's is done by one at a time
Item = TypeVar("Item")
Done = TypeVar("Done")


def in_order(
    work: Callable[[Item], Done], items: Sequence[Item], threads: int = MAX_THREADS
) -> list[Done]:
    """What becomes of each item, in their order, by as many threads as there are cores for.

    The first failure is raised, after what is under way has ended; the rest is not begun.

    >>> in_order(lambda number: number * number, [3, 1, 2])
    [9, 1, 4]
    """
    threads = min(threads, len(os.sched_getaffinity(0)), len(items))
    if threads <= 1:
        return [work(item) for item in items]
    failed = len(items)  # the number of an item that has failed, the first one known

    def begin(numbered: tuple[int, Item]) -> Done:
        nonlocal failed
        number, item = numbered
        if number > failed:  # whoever waits for the results may hear of a failure late
            raise CancelledError
        try:
            return work(item)
        except BaseException:
            failed = min(failed, number)
            raise

    with ThreadPoolExecutor(threads) as pool:
        try:
            return list(pool.map(begin, enumerate(items)))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
