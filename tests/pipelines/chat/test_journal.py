from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.chat.errors import JournalFailed, JournalUnusable
from pipelines.chat.journal import DeadRow, JournalledReply
from pipelines.chat.prices import TokenCounts
from pipelines.chat.request import Cause
from pipelines.chat.sqlite_journal import SqliteJournal
from pipelines.errors import UsageError


def _reply(number: int, text: str = "raw\x00 ö 字") -> JournalledReply:
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


def _dead(number: int) -> DeadRow:
    return DeadRow(
        _reply(number).key, 0, 0, True, Cause.INVALID_REPLY, "why", "raw", 3, f"row {number}"
    )


def test_what_is_committed_is_found_by_another_process(journal: Path) -> None:
    replies = [_reply(number) for number in range(1200)]  # more than one query's keys
    replies[7] = replace(replies[7], tokens=None, cost_pico_usd=None)
    with SqliteJournal(journal) as writer, SqliteJournal(journal) as reader:
        assert writer.commit(replies) == {}
        keys = [reply.key for reply in replies]
        assert reader.find([*keys, b"x" * 32]) == {reply.key: reply for reply in replies}
        totals = reader.totals()["m"]
        assert (totals.replies, totals.metered_replies, totals.unpriced_replies) == (1200, 1199, 1)
        assert totals.cost_pico_usd == 1199 * 1000
    assert not journal.with_name(journal.name + "-wal").exists()  # folded into the file


def test_the_first_reply_of_a_key_stays_and_all_money_is_counted(journal: Path) -> None:
    with SqliteJournal(journal) as one, SqliteJournal(journal) as other:
        first, second = _reply(1, "first"), _reply(1, "second")
        one.commit([first])
        assert other.commit([_reply(0), second, _reply(2)]) == {first.key: first}
        assert other.find([first.key])[first.key].text == "first"
        totals = one.totals()["m"]
        assert (totals.replies, totals.prompt_tokens, totals.cost_pico_usd) == (4, 40, 4000)


def test_dead_letters_come_and_go(journal: Path) -> None:
    with SqliteJournal(journal) as opened:
        rows = [_dead(number) for number in range(3)]
        opened.record_dead(rows)
        assert list(opened.dead_letters()) == rows
        answered = replace(rows[1], dead=False, generation=2, replay=5)
        opened.record_dead([answered])
        assert list(opened.dead_letters()) == [rows[0], rows[2]]
        assert opened.find_dead([rows[1].key, b"?" * 32]) == {rows[1].key: answered}


def test_a_replay_is_open_until_it_is_finished(journal: Path) -> None:
    with SqliteJournal(journal) as one, SqliteJournal(journal) as other:
        assert one.unfinished_replay("a") is None
        number = one.open_replay("a")
        assert other.open_replay("a") == other.unfinished_replay("a") == number
        assert other.open_replay("b") != number
        one.finish_replay("a")
        assert other.open_replay("a") > number


def test_many_openers_of_a_new_file_agree(journal: Path) -> None:
    problems: list[Exception] = []

    def work(number: int) -> None:
        try:
            with SqliteJournal(journal) as opened:
                opened.commit([_reply(number)])
        except Exception as error:  # shown by the assertion below
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with SqliteJournal(journal) as opened:
        assert opened.totals()["m"].replies == 16


def _text(path: Path) -> None:
    path.write_text("this is a text file, long enough to hold a header of SQLite, or not at all")


def _other_database(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE accounts (id)")


def _newer(path: Path) -> None:
    SqliteJournal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_text, "not a journal"),
        (_other_database, "not a journal"),
        (_newer, "journal version 99"),
        (_folder, "cannot open"),
    ],
)
def test_what_is_no_journal_is_refused_and_left_alone(
    journal: Path, make: Callable[[Path], None], told: str
) -> None:
    make(journal)
    before = journal.read_bytes() if journal.is_file() else b""
    with pytest.raises(JournalUnusable, match=told) as raised:
        SqliteJournal(journal)
    assert isinstance(raised.value, UsageError)
    assert (journal.read_bytes() if journal.is_file() else b"") == before


def test_a_place_that_is_no_local_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="local disk"):
        SqliteJournal("gs://bucket/journal.sqlite")
    (tmp_path / "file").touch()
    with pytest.raises(JournalUnusable, match="cannot open"):
        SqliteJournal(tmp_path / "file" / "journal.sqlite")


def test_a_journal_that_stays_locked_is_said_to_be(journal: Path) -> None:
    with SqliteJournal(journal, busy_timeout_s=0.1) as opened:
        holder = sqlite3.connect(journal, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalFailed, match="another process holds the journal locked"):
            opened.commit([_reply(1)])
        assert opened.find([_reply(1).key]) == {}  # readers go on
        holder.execute("ROLLBACK")
        holder.close()
        assert opened.commit([_reply(1)]) == {}


def test_a_file_that_cannot_be_written_is_said_so(journal: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    SqliteJournal(journal).close()
    journal.chmod(0o400)
    with pytest.raises(JournalUnusable, match="permissions"):
        SqliteJournal(journal)


def test_a_full_disk_rolls_back_and_the_journal_can_go_on(journal: Path) -> None:
    with SqliteJournal(journal) as opened:
        opened.commit([_reply(0)])
        opened._db.execute("PRAGMA max_page_count=1")  # as many as there are: none can be added
        with pytest.raises(JournalFailed, match="free some space"):
            opened.commit([_reply(1), _reply(2, "x" * 100_000)])
        opened._db.execute("PRAGMA max_page_count=100000")
        assert opened.find([_reply(1).key]) == {}
        opened.commit([_reply(1)])
        assert opened.totals()["m"].replies == 2


def test_a_closed_journal_says_so(journal: Path) -> None:
    opened = SqliteJournal(journal)
    opened.close()
    opened.close()
    with pytest.raises(JournalFailed):
        opened.find([b"x" * 32])


def test_replies_survive_without_a_close(journal: Path) -> None:
    opened = SqliteJournal(journal)
    opened.commit([_reply(1)])
    with SqliteJournal(journal) as other:  # while the first is still open, as after a kill
        assert len(other.find([_reply(1).key])) == 1
    opened.close()
