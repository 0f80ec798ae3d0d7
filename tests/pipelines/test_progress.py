"""Progress: a bar on a terminal, plain lines elsewhere, silence in other processes."""

from __future__ import annotations

import io
import os
import sys
from collections import Counter
from collections.abc import Callable

import pytest
from rich.console import Console

from pipelines import progress

CALLS = Counter(calls=3, cost_pico_usd=2_500_000_000)


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def quick_machine() -> None:
    """Here lines of progress are what is tested: this stands before the suite's fixture."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr("pipelines.progress.time.monotonic", made)
    return made


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    monkeypatch.setattr(progress, "terminal", lambda: console)
    return stream.getvalue


def test_a_terminal_is_told_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    reading, writing = os.pipe()
    shown, terminal = os.openpty()
    with os.fdopen(writing, "w") as pipe, os.fdopen(terminal, "w") as screen:
        monkeypatch.setattr(sys, "stderr", pipe)
        assert progress.terminal() is None
        monkeypatch.setattr(sys, "stderr", screen)
        found = progress.terminal()
        assert found is not None and found.stderr
    os.close(reading)
    os.close(shown)


def test_plain_lines_have_rows_rate_cost_and_time_left(
    clock: _Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.reporter("annotate", "utterance", 4000):
        clock.now += 20
        progress.advance(1000, CALLS)
    assert capsys.readouterr() == (
        "",
        "annotate: 1,000 of 4,000 utterances, 50 utterances/s, 3 calls, $0.0025, 60 s left\n",
    )


def test_a_line_comes_every_ten_seconds_and_counts_everything(
    clock: _Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.reporter("select", "utterance", None):
        for _ in range(25):
            clock.now += 1
            progress.advance(2, Counter())
    assert capsys.readouterr().err.splitlines() == [
        "select: 20 utterances, 2.0 utterances/s",
        "select: 40 utterances, 2.0 utterances/s",
    ]


def test_what_is_under_way_is_shown_but_not_counted_as_done(
    clock: _Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.reporter("annotate", "utterance", 100):
        clock.now += 10
        progress.live(5, CALLS)
        clock.now += 10
        progress.advance(10, CALLS)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("annotate: 5 of 100 ") and ", 3 calls, " in first
    assert second.startswith("annotate: 10 of 100 ") and ", 3 calls, " in second


def test_a_quick_stage_says_nothing(clock: _Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.reporter("ingest", "utterance", 5):
        progress.advance(5, Counter())
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(clock: _Clock, terminal: Callable[[], str]) -> None:
    with progress.reporter("annotate", "utterance", 4000):
        clock.now += 20
        progress.advance(1000, CALLS)
    shown = terminal()
    assert "annotate" in shown and "━" in shown
    assert "50 utterances/s, 3 calls, $0.0025" in shown
    assert "left" not in shown  # the bar has its own


def test_without_a_reporter_nobody_is_told(
    clock: _Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.advance(1000, CALLS)
    progress.live(1000, CALLS)
    with pytest.raises(ValueError, match="a bug"), progress.reporter("x", "row", None):
        raise ValueError("a bug")
    clock.now += 60
    progress.advance(1000, CALLS)
    assert capsys.readouterr() == ("", "")
