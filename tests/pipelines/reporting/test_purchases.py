"""Cost over time, from real journals."""

import hashlib
import itertools
import sqlite3
import time
from pathlib import Path

import pytest

from pipelines.chat.journal import JournalledReply, SecondTotals
from pipelines.chat.prices import TokenCounts
from pipelines.chat.sqlite_journal import SqliteJournal
from pipelines.reporting.curves import POINTS
from pipelines.reporting.purchases import PAUSE_S, gather_purchases, purchases_of
from tests import postgres_server


def reply(number: int, dollars: float | None = 1.5) -> JournalledReply:
    return JournalledReply(
        key=hashlib.sha256(str(number).encode()).digest(),
        status=200,
        text="{}",
        sha256=hashlib.sha256(b"{}").digest(),
        model="m",
        priced_as="m",
        tokens=TokenCounts(10, 4, 3),
        cost_pico_usd=None if dollars is None else round(dollars * 1e12),
    )


def at(second: int, replies: int = 1, dollars: float = 1.0) -> SecondTotals:
    return SecondTotals(second, replies, round(dollars * 1e12), 0)


def test_a_journal_knows_when_it_bought_what(tmp_path: Path) -> None:
    path = tmp_path / "emilia.sqlite"
    with SqliteJournal(path) as journal:
        journal.commit([reply(1), reply(2)])
        journal.commit([reply(1), reply(3, None)])  # the first is paid twice
    with sqlite3.connect(path) as db:
        for seq, when in enumerate(("08:00:00.250", "08:00:00.750", "08:01:40.000"), 1):
            db.execute("UPDATE replies SET created = ? WHERE seq = ?", (f"2026-01-02T{when}Z", seq))
    with SqliteJournal(path) as journal:
        first, last = journal.by_second()
    assert first == SecondTotals(1767340800, 3, 4_500_000_000_000, 0)
    assert last == SecondTotals(1767340900, 1, 0, 1)
    (found,) = gather_purchases([("emilia", str(path)), ("other", str(path))])
    assert (found.name, found.replies, found.cost_usd) == ("emilia, other", 4, 4.5)
    assert (found.unpriced_replies, found.working_s, found.pauses) == (1, 101.0, 0)
    calls, dollars = found.curves
    assert calls.points == ((0.0, 0.0), (1.0, 3.0), (101.0, 4.0))
    assert dollars.points == ((0.0, 0.0), (1.0, 4.5), (101.0, 4.5))


def test_a_server_s_journal_knows_it_too(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if postgres_server.programs() is None:
        pytest.skip("no PostgreSQL server is installed here")
    from pipelines.chat.postgres_journal import PostgresJournal

    before = int(time.time()) - 1
    with postgres_server.server() as location:
        with PostgresJournal(location) as journal:
            journal.commit([reply(1), reply(2, None)])
            totals = journal.by_second()
        (found,) = gather_purchases([("emilia", location)])
    assert all(before <= one.second <= time.time() + 1 for one in totals)
    assert sum(one.replies for one in totals) == found.replies == 2
    assert (found.cost_usd, found.unpriced_replies) == (1.5, 1)


def test_where_nothing_was_bought_there_is_nothing_to_draw(tmp_path: Path) -> None:
    SqliteJournal(tmp_path / "empty.sqlite").close()
    locations = [("gone", tmp_path / "gone.sqlite"), ("empty", tmp_path / "empty.sqlite")]
    assert gather_purchases([(name, str(path)) for name, path in locations]) == ()
    assert not (tmp_path / "gone.sqlite").exists()


def test_a_journal_that_cannot_be_read_is_a_word_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "emilia.sqlite").write_text("no journal at all, and more than a few bytes of it")
    (found,) = gather_purchases([("emilia", str(tmp_path / "emilia.sqlite"))])
    assert found.problem is not None and "not a journal of replies" in found.problem
    assert found.curves == ()


def test_pauses_are_cut_out_and_marked() -> None:
    night = 8 * 3600
    found = purchases_of("emilia", [at(0), at(10), at(10 + night), at(20 + night)])
    assert (found.pauses, found.paused_s, found.working_s) == (1, night, 22.0)
    (calls, _) = found.curves
    assert calls.breaks == (10.0,) and calls.break_path.startswith("M272.7,0 V")
    assert purchases_of("emilia", [at(0), at(PAUSE_S)]).pauses == 0


def test_a_curve_ends_at_the_sum_and_never_falls_however_long_it_is() -> None:
    bought = [at(second, replies=3, dollars=0.25) for second in range(0, 40_000, 7)]
    found = purchases_of("emilia", bought)
    for curve, total in zip(found.curves, (3 * len(bought), 0.25 * len(bought)), strict=True):
        at_end, sum_at_end = curve.points[-1]
        assert at_end == curve.end and sum_at_end == pytest.approx(total)
        assert len(curve.points) <= POINTS + 1
        values = [value for _, value in curve.points]
        assert all(one <= other for one, other in itertools.pairwise(values))


def test_without_a_cent_there_is_no_curve_of_money() -> None:
    found = purchases_of("emilia", [at(0, dollars=0), at(9, dollars=0)])
    assert [curve.name for curve in found.curves] == ["calls"]
