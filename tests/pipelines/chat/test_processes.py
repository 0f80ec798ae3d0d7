"""Real processes: killed half-way, and two at once on one journal."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.chat.sqlite_journal import SqliteJournal
from tests.chat_server import ServerThread
from tests.pipelines.chat.support import answered, ask, request

_IN_FLIGHT = 16


def _start(base_url: str, journal: Path, first: int, end: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.pipelines.chat.labelling"]
    command += ["--base-url", base_url, "--journal", str(journal), "--in-flight", str(_IN_FLIGHT)]
    command += ["--rows", str(first), str(end)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _journalled(journal: Path) -> set[str]:
    """The ids whose reply the journal holds, read past the engine."""
    with sqlite3.connect(journal) as db:
        texts = [json.loads(text) for (text,) in db.execute("SELECT text FROM replies")]
    return {json.loads(reply["choices"][0]["message"]["content"])["id"] for reply in texts}


@pytest.mark.parametrize("replies", [40, 170, 333])
def test_kill_9_and_run_again_buys_nothing_twice(journal: Path, replies: int) -> None:
    """A reply has arrived when it is committed; what was committed is never asked for again.

    Between the last byte on the wire and the commit there are milliseconds, in which a kill can
    lose a reply. A worker has one call at a time, so these are fewer than the calls in flight.
    """
    rows = 400
    with ServerThread(delay_s=0.02) as server:
        process = _start(server.base_url, journal, 0, rows)
        while server.state.replied.total() < replies:
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        sent = set(server.state.replied)
        server.until_alone()
        kept = _journalled(journal)
        assert len(sent - kept) <= _IN_FLIGHT
        assert kept
        before = server.state.arrivals.copy()
        outcomes, usage = ask(server.base_url, journal, [request(n) for n in range(rows)])
        assert answered(outcomes) == [str(n) for n in range(rows)]
        asked = {name for name in before if server.state.arrivals[name] > before[name]}
        assert not asked & kept
        assert usage.calls == rows - len(kept)
        assert usage.cached_calls == len(kept)


def test_two_processes_share_one_journal(journal: Path) -> None:
    with ServerThread(delay_s=0.005) as server:
        both = [_start(server.base_url, journal, 200 * n, 200 * n + 200) for n in range(2)]
        assert [process.communicate(timeout=240)[0].strip() for process in both] == ["200 200"] * 2
        _, usage = ask(server.base_url, journal, [request(n) for n in range(400)])
        assert usage.calls == 0


def test_the_same_rows_in_two_processes_at_once_end_in_one_answer_each(journal: Path) -> None:
    """Both may buy a row at the same moment: one reply is kept, and all the money counted."""
    with ServerThread(delay_s=0.01) as server:
        both = [_start(server.base_url, journal, 0, 100) for _ in range(2)]
        ended = [process.communicate(timeout=240)[0].split() for process in both]
        assert [answers for answers, _ in ended] == ["100", "100"]
        with SqliteJournal(journal) as opened:
            totals = opened.totals()["mock"]
        assert totals.replies == server.state.calls == sum(int(calls) for _, calls in ended)
        assert totals.prompt_tokens == 1000 * server.state.calls
        assert len(_journalled(journal)) == 100
