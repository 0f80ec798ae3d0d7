"""Dead letters asked again: really, and only once however often the run is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.chat.errors import ChatStopped
from pipelines.chat.request import Answer, Cause, DeadLetter
from pipelines.chat.sqlite_journal import SqliteJournal
from tests.chat_server import ServerThread
from tests.pipelines.chat.support import ask, chat_engine, request

_DYING = ["malformed"] * 3


def test_a_replay_asks_dead_letters_and_nothing_else(server: ServerThread, journal: Path) -> None:
    requests = [request(0), request(1, *_DYING), request(2)]
    outcomes, _ = ask(server.base_url, journal, requests)
    assert isinstance(outcomes[1], DeadLetter)
    outcomes, usage = ask(server.base_url, journal, requests, replay=True)
    assert all(isinstance(outcome, Answer) for outcome in outcomes)
    assert (usage.calls, usage.cached_calls) == (1, 2)
    # From now on it is answered, with and without the flag.
    for replay in (False, True):
        again, usage = ask(server.base_url, journal, requests, replay=replay)
        assert again == outcomes
        assert usage.calls == 0
    with SqliteJournal(journal) as opened:
        assert list(opened.dead_letters()) == []


def test_what_dies_again_can_be_asked_by_the_next_replay(
    server: ServerThread, journal: Path
) -> None:
    requests = [request(1, *_DYING * 2)]
    ask(server.base_url, journal, requests)
    (outcome,), usage = ask(server.base_url, journal, requests, replay=True)
    assert isinstance(outcome, DeadLetter)
    assert usage.calls == 3
    _, usage = ask(server.base_url, journal, requests)
    assert usage.calls == 0
    (outcome,), usage = ask(server.base_url, journal, requests, replay=True)
    assert isinstance(outcome, Answer)
    assert usage.calls == 1


def test_a_replay_that_ended_early_goes_on_and_pays_nothing_twice(journal: Path) -> None:
    # One fault more for the row whose call meets the empty balance: that is an arrival too.
    requests = [request(n, *_DYING * 2, "malformed") for n in range(10)]
    with ServerThread() as server:
        ask(server.base_url, journal, requests, max_dead_letter_share=1.0)
        assert server.state.calls == 30
        server.state.balance = 14  # four die again and two calls more
        with pytest.raises(ChatStopped):
            ask(server.base_url, journal, requests, replay=True, max_in_flight=1)
        server.state.balance = None
        before = server.state.replied.total()
        outcomes, usage = ask(
            server.base_url, journal, requests, replay=True, max_dead_letter_share=1.0
        )
        assert all(isinstance(outcome, DeadLetter) for outcome in outcomes)
        assert before == 30 + 14
        assert usage.calls == 30 - 14
        # The replay is over; the next one starts anew.
        outcomes, _ = ask(server.base_url, journal, requests, replay=True)
        assert all(isinstance(outcome, Answer) for outcome in outcomes)


def test_a_plan_of_a_replay_changes_nothing(server: ServerThread, journal: Path) -> None:
    requests = [request(0), request(1, *_DYING)]
    ask(server.base_url, journal, requests)
    for _ in range(2):
        with chat_engine(server.base_url, journal, replay=True) as engine:
            plan = engine.plan(requests)
        assert (plan.calls, plan.answered, plan.dead) == (1, 1, 0)
    with chat_engine(server.base_url, journal) as engine:
        assert (engine.plan(requests).calls, engine.plan(requests).dead) == (0, 1)


def test_what_had_no_reply_keeps_its_generation(server: ServerThread, journal: Path) -> None:
    """Bad replies that were paid for are not thrown away because the server went down later."""
    dying = request(1, "malformed", *["503"] * 5)
    (outcome,), _ = ask(server.base_url, journal, [dying])
    assert isinstance(outcome, DeadLetter)
    assert (outcome.cause, outcome.attempts) == (Cause.NO_REPLY, 1)
    (outcome,), usage = ask(server.base_url, journal, [dying], replay=True)
    assert isinstance(outcome, Answer)
    assert (outcome.attempts, usage.calls, usage.cached_calls) == (2, 1, 1)
