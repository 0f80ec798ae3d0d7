"""Work, counted: what a machine's load cannot change.

A guard holds a count against a bound and so against what it was when it was written. Bounds are a
tenth to a fifth above that. Where one fails, look at what the change does more of; if it is meant,
run the test, and write the count it names plus a tenth.
"""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

Work = Callable[[], object]
_SLACK = 1.8  # a bound further above the count would not notice twice the work


def hold(what: str, count: float, bound: float) -> None:
    """Fails above the bound, and where the bound has become too loose to notice a doubling."""
    assert count <= bound, f"{what}: {count:.4g}, at most {bound:g} are expected"
    assert bound <= _SLACK * count, (
        f"{what}: only {count:.4g}; lower the bound of {bound:g} to a tenth above that"
    )


def calls_per_row(prepare: Callable[[int], Work], rows: int, package: str = "") -> float:
    """Function calls, Python's and C's, that each row more costs: from ``rows`` to twice as many.

    Args:
        prepare: makes the input of so many rows, and gives the work on it; not counted.
        rows: enough that what is done once a block or a batch shows.
        package: count only what its code calls; an event loop's own rounds depend on the moment.
    """
    prepare(rows)()  # imports, caches
    few, many = calls(prepare(rows), package), calls(prepare(2 * rows), package)
    return (many - few) / rows


def calls(work: Work, package: str = "") -> int:
    """Function calls, Python's and C's, of this thread and of those that the work starts."""
    counted = [0]
    folder = f"/{package}/"

    def count(frame: FrameType, event: str, _argument: object) -> None:
        if event in ("call", "c_call") and (not package or folder in frame.f_code.co_filename):
            counted[0] += 1

    gc.collect()
    gc.disable()  # finalizers are calls too, and come when they like
    threading.setprofile(count)
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        gc.enable()
    return counted[0]


@dataclass
class Reading:
    """Bytes, calls of the system for them, as the kernel counted."""

    chars: int = 0
    calls: int = 0


@contextmanager
def reading() -> Iterator[Reading]:
    """What this process reads meanwhile, from files and pipes, cached by the system or not."""
    found = Reading()
    before = _read_so_far()
    yield found
    after = _read_so_far()
    found.chars, found.calls = after.chars - before.chars, after.calls - before.calls


def _read_so_far() -> Reading:
    lines = Path("/proc/self/io").read_text(encoding="ascii").split()
    values = dict(zip(lines[::2], lines[1::2], strict=True))
    return Reading(int(values["rchar:"]), int(values["syscr:"]))


def peak_bytes(work: Work) -> int:
    """The most memory that Python's allocator had given out for this work."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
