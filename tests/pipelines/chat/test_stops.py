"""Runs that end early: what is in flight is kept, and the message says how to go on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.chat.errors import BudgetReached, ChatStopped, MissingApiKey, UnknownPrice
from pipelines.chat.request import Answer
from pipelines.errors import StageFailed
from tests.chat_server import ServerThread
from tests.pipelines.chat.support import (
    KEY,
    answered,
    ask,
    chat_engine,
    request,
    settings,
)


@pytest.mark.parametrize(
    ("status", "step"),
    [(401, "set CHAT_API_KEY"), (403, "CHAT_API_KEY may use"), (404, "correct chat.model")],
)
def test_what_would_fail_for_every_row_stops_the_run(
    server: ServerThread, journal: Path, status: int, step: str
) -> None:
    requests = [request(n, *[str(status)] * 2) for n in range(200)]
    with pytest.raises(ChatStopped, match=step) as raised:
        ask(server.base_url, journal, requests, max_in_flight=8)
    assert isinstance(raised.value, StageFailed)
    assert (raised.value.answered, raised.value.total) == (0, 200)
    assert KEY not in str(raised.value)
    assert server.state.calls <= 8


def test_an_empty_balance_stops_at_once_and_loses_nothing(journal: Path) -> None:
    requests = [request(n) for n in range(300)]
    with ServerThread(delay_s=0.02, balance=100) as server:
        with pytest.raises(ChatStopped, match="top up the account") as raised:
            ask(server.base_url, journal, requests, max_in_flight=16)
        assert server.state.replied.total() == 100
        assert server.state.calls <= 100 + 16
        assert raised.value.answered == 100
        paid = set(server.state.replied)
        server.state.balance = None
        outcomes, usage = ask(server.base_url, journal, requests)
        assert answered(outcomes) == [str(n) for n in range(300)]
        assert usage.calls == 200
        assert all(server.state.replied[name] == 1 for name in paid)


def test_a_server_that_is_down_does_not_kill_the_corpus(journal: Path) -> None:
    requests = [request(n) for n in range(100)]
    with pytest.raises(ChatStopped, match="5 requests in a row had no reply"):
        ask(
            "http://127.0.0.1:9/v1",  # nobody listens there
            journal,
            requests,
            max_retries=1,
            stop_after_unanswered=5,
            max_in_flight=4,
        )


def test_waiting_for_a_retry_ends_with_the_run(server: ServerThread, journal: Path) -> None:
    requests = [request("waits", "429:200"), request("stops", "503", "402")]
    start = time.monotonic()
    with pytest.raises(ChatStopped):
        ask(server.base_url, journal, requests)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("in_flight", [1, 16])
def test_the_budget_is_never_passed_and_what_it_bought_is_kept(
    server: ServerThread, journal: Path, in_flight: int
) -> None:
    # As long as the 1,000 tokens that the server bills: a token has a byte or more.
    requests = [request(n, system="You label utterances. " * 50) for n in range(400)]
    cap = 0.004  # some 80 calls
    with chat_engine(
        server.base_url, journal, max_cost_usd=cap, max_in_flight=in_flight, max_tokens=60
    ) as engine:
        with pytest.raises(BudgetReached, match="raise --max-cost") as raised:
            engine.run(requests)
        spent = engine.usage.cost_usd
        calls = engine.usage.calls
        assert spent is not None
        assert spent <= Decimal(str(cap))
        # Nearly all of it was used: less is left than one call can cost, uncached.
        assert spent > Decimal(str(cap)) - Decimal("0.00025")
        assert raised.value.answered == calls
    _, usage = ask(server.base_url, journal, requests, max_tokens=60)
    assert usage.calls == 400 - calls


def test_a_budget_below_one_call_makes_none(server: ServerThread, journal: Path) -> None:
    with pytest.raises(BudgetReached):
        ask(server.base_url, journal, [request(1)], max_cost_usd=1e-9)
    assert server.state.calls == 0


def test_a_budget_needs_a_price(server: ServerThread, journal: Path) -> None:
    with pytest.raises(UnknownPrice, match="'other'"):
        ask(server.base_url, journal, [request(1)], model="other", max_cost_usd=1.0)
    assert server.state.calls == 0


def test_a_missing_key_is_said_before_any_call(server: ServerThread, journal: Path) -> None:
    from pipelines.chat.engine import ChatEngine
    from pipelines.chat.openai_model import OpenAIChatModel
    from pipelines.chat.sqlite_journal import SqliteJournal

    chosen = settings(server.base_url)
    model = OpenAIChatModel(chosen, {"CHAT_API_KEY": " "})
    with ChatEngine(model, SqliteJournal(journal), chosen) as engine:
        with pytest.raises(MissingApiKey, match="set CHAT_API_KEY"):
            engine.run([request(1)])
        assert engine.usage.calls == 0


@pytest.fixture
def heard_interrupt() -> Iterator[None]:
    """Ctrl-C raises, though a shell that starts a suite in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupt")
def test_ctrl_c_keeps_what_is_in_flight(journal: Path) -> None:
    requests = [request(n) for n in range(100)]
    with ServerThread(delay_s=0.2) as server:
        server.state.together = 9  # one more than there can be: no reply before the key is pressed

        def press() -> None:
            while server.state.most_in_flight < 8:
                time.sleep(0.005)
            os.kill(os.getpid(), signal.SIGINT)
            server.state.together = 1

        presser = threading.Thread(target=press)
        presser.start()
        with pytest.raises(KeyboardInterrupt):
            ask(server.base_url, journal, requests, max_in_flight=8)
        presser.join()
        calls = server.state.calls
        assert calls <= 16
        outcomes, usage = ask(server.base_url, journal, requests, max_in_flight=100)
        assert all(isinstance(outcome, Answer) for outcome in outcomes)
        assert usage.calls == 100 - calls
