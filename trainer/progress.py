"""How far a command is: a bar with rate and ETA on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LOG_EVERY_S = 10.0  # one plain line so often, where there is no terminal


@contextlib.contextmanager
def progress(what: str, unit: str, expected: int | None) -> Iterator[Callable[[int], None]]:
    """Shows how far the block is; what it gives is called with how many more units are done.

    Args:
        what: the work's name.
        unit: what is counted, in the singular.
        expected: how many there will be; None where nobody knows.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(what, unit, expected)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=expected)
        yield lambda done: bar.advance(task, done)


class _Lines:
    def __init__(self, what: str, unit: str, expected: int | None) -> None:
        self._what, self._unit, self._expected = what, unit, expected
        self._done = 0
        self._started = self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        self._done += done
        now = time.monotonic()
        if now - self._last < LOG_EVERY_S:
            return
        self._last = now
        rate = self._done / max(now - self._started, 1e-9)
        line = f"{self._what}: {self._done:,}"
        if self._expected is not None:
            line += f" of {self._expected:,}"
        line += f" {self._unit}s, {rate:,.1f} {self._unit}s/s"
        if self._expected is not None and rate > 0:
            line += f", {max(0, self._expected - self._done) / rate:,.0f} s left"
        print(line, file=sys.stderr, flush=True)  # noqa: T201
