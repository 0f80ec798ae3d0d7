"""How long a call takes, for both sides of a comparison; imports nothing but the standard library.

A peer's program has it as ``fastest``, a benchmark as ``benchmarks.peer_programs.fastest``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
_LEAST = 3  # runs
_SECONDS = 0.5


def fastest(prepare: Callable[[], Callable[[], Found]]) -> tuple[float, Found]:
    """CPU seconds of the fastest run of half a second's runs (three at least), and what it found.

    For functions of one thread that read and write nothing: their CPU time is the wall clock of an
    idle machine. What else the machine does only ever adds, so the fastest run says most.

    Args:
        prepare: makes a run's input anew, untimed, and gives the run.
    """
    times: list[float] = []
    found: list[Found] = []
    while len(times) < _LEAST or sum(times) < _SECONDS:
        found.clear()  # or the next run would pay for taking it down
        run = prepare()
        started = time.process_time()
        found.append(run())
        times.append(time.process_time() - started)
    return min(times), found[0]
