"""How far a stage is: a bar with rate, cost and ETA on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

LOG_EVERY_S = 10.0  # one plain line so often, where there is no terminal

_current: _Reporter | None = None


class _Reporter:
    def __init__(self, stage: str, unit: str, expected: int | None) -> None:
        self._stage, self._unit, self._expected = stage, unit, expected
        self._done, self._run = 0, Counter[str]()
        self._started = self._last_line = time.monotonic()
        self._lock = threading.Lock()  # parts may be worked on by several threads
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def start(self) -> None:
        if console := terminal():
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[facts]}"),
                TimeRemainingColumn(),
                console=console,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._stage, total=self._expected, facts="")

    def advance(self, rows: int, run: Counter[str]) -> None:
        with self._lock:
            self._done += rows
            self._run.update(run)
            self._show()

    def live(self, rows: int, run: Counter[str]) -> None:
        """Shows what is under way in the part at hand, without counting it as done."""
        self._show(rows, run)

    def _show(self, extra: int = 0, run: Counter[str] | None = None) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task, completed=self._done + extra, facts=self._facts(extra, run)
            )
        elif time.monotonic() - self._last_line >= LOG_EVERY_S:
            self._last_line = time.monotonic()
            of = f" of {self._expected:,}" if self._expected else ""
            line = f"{self._stage}: {self._done + extra:,}{of} {self._unit}s"
            print(f"{line}, {self._facts(extra, run)}", file=sys.stderr, flush=True)  # noqa: T201

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _facts(self, extra: int, run: Counter[str] | None) -> str:
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = (self._done + extra) / seconds
        text = f"{rate:,.{0 if rate >= 10 else 1}f} {self._unit}s/s"
        spent = self._run + (run or Counter())
        if "calls" in self._run or run:
            text += f", {spent['calls']:,} calls, ${spent['cost_pico_usd'] / 1e12:,.4f}"
        if self._expected and rate > 0 and self._bar is None:
            left = (self._expected - self._done - extra) / rate
            text += f", {left:,.0f} s left"
        return text


def terminal() -> Console | None:
    """Where a bar can be shown; None where nobody is looking, and rich need not be imported."""
    if not sys.stderr.isatty():
        return None
    from rich.console import Console

    console = Console(stderr=True)
    return console if console.is_terminal else None


@contextlib.contextmanager
def reporter(stage: str, unit: str, expected: int | None) -> Iterator[None]:
    """Shows the progress of the stage that runs inside the block."""
    global _current
    _current = _Reporter(stage, unit, expected)
    _current.start()
    try:
        yield
    finally:
        _current.stop()
        _current = None


def advance(rows: int, run: Counter[str]) -> None:
    """Counts rows as done; in a worker of another process there is nobody to tell."""
    if _current is not None:
        _current.advance(rows, run)


def live(rows: int, run: Counter[str]) -> None:
    """Tells how many rows of the chunk at hand are done so far."""
    if _current is not None:
        _current.live(rows, run)
