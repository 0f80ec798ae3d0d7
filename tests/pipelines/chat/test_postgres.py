"""The journal in a real PostgreSQL server: what the file does, and no call bought twice."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipelines.chat.errors import JournalFailed, JournalUnusable
from pipelines.chat.journal import ClaimingJournal, DeadRow, JournalledReply
from pipelines.chat.journals import open_journal
from pipelines.chat.prices import TokenCounts
from pipelines.chat.request import Cause
from pipelines.errors import UsageError
from tests import postgres_server
from tests.chat_server import ServerThread
from tests.pipelines.chat.support import answered, ask, request

pytest.importorskip("psycopg", reason="psycopg is not installed")
if postgres_server.programs() is None:
    pytest.skip("no PostgreSQL server is installed here", allow_module_level=True)

from pipelines.chat.postgres_journal import PostgresJournal

WORKERS = 4


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with postgres_server.server() as location:
        yield location


@pytest.fixture
def location(cluster: str, request: pytest.FixtureRequest) -> str:
    """A database of the test's own."""
    import psycopg

    name = "t" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    with psycopg.connect(cluster, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    return cluster.replace("/postgres?", f"/{name}?")


def reply(number: int, text: str = "raw\x00 ö 字") -> JournalledReply:
    return JournalledReply(
        key=hashlib.sha256(str(number).encode()).digest(),
        status=200,
        text=text,
        sha256=hashlib.sha256(text.encode()).digest(),
        model="m-2026",
        priced_as="m",
        tokens=TokenCounts(10, 4, 3),
        cost_pico_usd=1000,
    )


def test_what_is_committed_is_found_by_another_session(location: str) -> None:
    replies = [reply(number) for number in range(1200)]
    replies[7] = replace(replies[7], tokens=None, cost_pico_usd=None)
    with PostgresJournal(location) as writer, PostgresJournal(location) as reader:
        assert writer.commit(replies) == {}
        keys = [one.key for one in replies]
        assert reader.find([*keys, b"x" * 32]) == {one.key: one for one in replies}
        assert reader.find_raw(replies[3].sha256.hex()) == replies[0]  # the first with this text
        assert reader.find_raw("00" * 32) is None
        totals = reader.totals()["m"]
        assert (totals.replies, totals.metered_replies, totals.unpriced_replies) == (1200, 1199, 1)
        assert totals.cost_pico_usd == 1199 * 1000


def test_the_first_reply_of_a_key_stays_and_all_money_is_counted(location: str) -> None:
    with PostgresJournal(location) as one, PostgresJournal(location) as other:
        first, second = reply(1, "first"), reply(1, "second")
        one.commit([first])
        assert other.commit([reply(0), second, reply(2)]) == {first.key: first}
        assert other.find([first.key])[first.key].text == "first"
        totals = one.totals()["m"]
        assert (totals.replies, totals.prompt_tokens, totals.cost_pico_usd) == (4, 40, 4000)


def test_dead_letters_and_replays_come_and_go(location: str) -> None:
    rows = [
        DeadRow(reply(n).key, 0, 0, True, Cause.INVALID_REPLY, "why\x00", "raw", 3, f"row {n}")
        for n in range(3)
    ]
    with PostgresJournal(location) as one, PostgresJournal(location) as other:
        one.record_dead(rows)
        assert list(other.dead_letters()) == rows
        settled = replace(rows[1], dead=False, generation=2, replay=5)
        one.record_dead([settled])
        assert list(other.dead_letters()) == [rows[0], rows[2]]
        assert other.find_dead([rows[1].key, b"?" * 32]) == {rows[1].key: settled}
        assert one.unfinished_replay("a") is None
        number = one.open_replay("a")
        assert other.open_replay("a") == other.unfinished_replay("a") == number
        assert other.open_replay("b") != number
        one.finish_replay("a")
        assert other.unfinished_replay("a") is None
        assert one.open_replay("a") > number


def test_a_claim_is_one_session_s_until_it_lets_go_or_dies(location: str) -> None:
    one, other = PostgresJournal(location), PostgresJournal(location)
    assert isinstance(one, ClaimingJournal)
    keys = [reply(number).key for number in range(3)]
    assert one.claim(keys[0]) and other.claim(keys[1])
    assert not other.claim(keys[0])
    one.release([keys[0], keys[2]])  # the last was never held
    assert other.claim(keys[0])
    other.commit([reply(0)])  # a commit lets go
    assert one.claim(keys[0]) and not one.claim(keys[1])
    other.close()
    until = time.monotonic() + 30  # the server ends the session when it sees the connection gone
    while not one.claim(keys[1]):
        assert time.monotonic() < until
        time.sleep(0.01)
    one.close()
    one.close()


def start(base_url: str, location: str, first: int, end: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.pipelines.chat.labelling"]
    command += ["--base-url", base_url, "--journal", location, "--rows", str(first), str(end)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_four_processes_with_the_same_rows_buy_none_twice(location: str) -> None:
    with ServerThread(delay_s=0.02) as server:
        workers = [start(server.base_url, location, 0, 150) for _ in range(WORKERS)]
        ended = [worker.communicate(timeout=240)[0].split() for worker in workers]
        assert [answers for answers, _ in ended] == ["150"] * WORKERS
        assert sum(int(calls) for _, calls in ended) == server.state.calls == 150
        assert set(server.state.arrivals.values()) == {1}
        with PostgresJournal(location) as opened:
            assert opened.totals()["mock"].replies == 150


def test_what_a_killed_worker_had_claimed_is_bought_by_another(location: str) -> None:
    with ServerThread(delay_s=0.05) as server:
        killed = start(server.base_url, location, 0, 200)
        while server.state.replied.total() < 40:
            assert killed.poll() is None
            time.sleep(0.001)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        outcomes, usage = ask(server.base_url, location, [request(n) for n in range(200)])
        assert answered(outcomes) == [str(n) for n in range(200)]
        assert usage.calls + usage.cached_calls == 200 and usage.cached_calls > 0


def test_a_worker_whose_call_fails_lets_go(location: str) -> None:
    with ServerThread() as server:
        outcomes, _ = ask(server.base_url, location, [request(1, "status 400"), request(2)])
        assert len(outcomes) == 2
        with PostgresJournal(location) as opened:
            locks = (
                "SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid "
                "WHERE locktype = 'advisory' AND datname = current_database()"  # no other test's
            )
            assert opened._db.execute(locks).fetchone() == (0,)


def test_a_password_in_the_location_is_refused(cluster: str) -> None:
    for wrong in ("postgresql://me:secret@host/db", "postgresql://host/db?user=a&password=secret"):
        with pytest.raises(JournalUnusable) as error:
            open_journal(wrong)
        assert "secret" not in str(error.value) and "PGPASSWORD" in str(error.value)


def test_what_cannot_be_opened_says_why(location: str) -> None:
    with pytest.raises(UsageError, match="is the server up"):
        open_journal("postgresql://nobody@/none?host=/nowhere")
    with pytest.raises(JournalUnusable, match="does not exist"):
        open_journal(location.replace("@/t", "@/u"))
    with PostgresJournal(location) as opened:
        opened._db.execute("UPDATE chat_journal SET version = 2")
    with pytest.raises(JournalUnusable, match="journal version 2, this program reads 1"):
        open_journal(location)


def test_a_server_that_goes_away_is_one_clear_error() -> None:
    with postgres_server.server() as location:
        journal = open_journal(location)
        journal.commit([reply(1)])
    with pytest.raises(JournalFailed, match="run again when the server is"):
        journal.commit([reply(2)])


def test_the_file_and_the_server_are_told_apart() -> None:
    from pipelines.params import load_params

    params = load_params("params.yaml")
    assert params.journal("emilia") == "journals/emilia.sqlite"
    shared = params.model_copy(update={"journals": "postgresql://me@db/chat"})
    assert shared.journal("emilia") == shared.journal("esd") == "postgresql://me@db/chat"
