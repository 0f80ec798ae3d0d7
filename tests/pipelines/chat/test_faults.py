"""What servers and networks really do, over real HTTP."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.chat.errors import TooManyDeadLetters
from pipelines.chat.request import Answer, Cause, DeadLetter
from pipelines.chat.sqlite_journal import SqliteJournal
from tests.chat_server import ServerThread
from tests.pipelines.chat.support import COST_PICO, KEY, answered, ask, chat_engine, request


@pytest.mark.parametrize(
    "fault", ["429", "500", "502", "503", "504", "529", "408", "reset", "close", "cut"]
)
def test_faults_that_pass_are_asked_again(server: ServerThread, journal: Path, fault: str) -> None:
    outcomes, usage = ask(server.base_url, journal, [request(1, fault, fault)])
    assert answered(outcomes) == ["1"]
    assert server.state.calls == usage.calls == 3
    assert (usage.retries, usage.failed_calls, usage.replies) == (2, 2, 1)
    assert usage.cost_pico_usd == COST_PICO
    with SqliteJournal(journal) as opened:  # failures are no replies
        assert opened.totals()["mock"].replies == 1


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_call_has_a_time_limit_whatever_trickles_in(
    server: ServerThread, journal: Path, fault: str
) -> None:
    outcomes, usage = ask(server.base_url, journal, [request(1, fault)], timeout_s=1.0)
    assert answered(outcomes) == ["1"]
    assert usage.failed_calls == usage.calls - 1 >= 1  # a slow machine may need another


@pytest.mark.parametrize("fault", ["503", "hang", "reset"])
def test_after_the_last_retry_comes_the_dead_letter(
    server: ServerThread, journal: Path, fault: str
) -> None:
    dying = request(1, *[fault] * 3)
    (outcome,), usage = ask(server.base_url, journal, [dying], max_retries=2, timeout_s=0.2)
    assert isinstance(outcome, DeadLetter)
    assert (outcome.cause, outcome.attempts) == (Cause.NO_REPLY, 0)
    assert "asked 3 times" in outcome.detail
    assert usage.calls == 3
    # It cost nothing, so the next run simply asks again.
    (outcome,), _ = ask(server.base_url, journal, [dying])
    assert isinstance(outcome, Answer)
    with SqliteJournal(journal) as opened:
        assert list(opened.dead_letters()) == []


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_request_is_a_dead_letter_at_once(
    server: ServerThread, journal: Path, status: int
) -> None:
    outcomes, usage = ask(server.base_url, journal, [request(1, f"{status}"), request(2)])
    assert isinstance(outcomes[0], DeadLetter)
    assert outcomes[0].cause is Cause.REQUEST_REFUSED
    assert f"HTTP {status}" in outcomes[0].detail
    assert isinstance(outcomes[1], Answer)
    assert usage.calls == 2


@pytest.mark.parametrize("wait", ["1", "date"])
def test_retry_after_is_obeyed(server: ServerThread, journal: Path, wait: str) -> None:
    start = time.monotonic()
    outcomes, _ = ask(server.base_url, journal, [request(1, f"429:{wait}")])
    assert time.monotonic() - start >= 1.0
    assert answered(outcomes) == ["1"]


@pytest.mark.parametrize(
    "fault",
    ["html", "empty", "half", "blank", "malformed", "wrong", "nan", "length", "list", "error200"],
)
def test_bad_replies_are_corrected_and_billed(
    server: ServerThread, journal: Path, fault: str
) -> None:
    (outcome,), usage = ask(server.base_url, journal, [request(1, fault)])
    assert isinstance(outcome, Answer)
    assert outcome.attempts == 2
    assert (usage.invalid_replies, usage.replies, usage.retries) == (1, 2, 0)
    corrected = server.state.bodies[1]["messages"]
    assert corrected[:2] == server.state.bodies[0]["messages"]  # the prefix stays
    assert corrected[-1]["role"] == "user"
    assert all(message["content"] for message in corrected)
    with SqliteJournal(journal) as opened:
        assert opened.totals()["mock"].replies == 2
        assert opened.totals()["mock"].cost_pico_usd == usage.cost_pico_usd
    again, usage = ask(server.base_url, journal, [request(1, fault)])
    assert again == [outcome]
    assert (usage.calls, usage.cached_calls) == (0, 2)


@pytest.mark.parametrize("fault", ["keepalive", "fenced"])
def test_harmless_oddities_are_accepted(server: ServerThread, journal: Path, fault: str) -> None:
    outcomes, usage = ask(server.base_url, journal, [request(1, fault)])
    assert answered(outcomes) == ["1"]
    assert usage.calls == 1


def test_a_row_that_never_gets_a_valid_reply_dies_with_its_raw_text(
    server: ServerThread, journal: Path
) -> None:
    dying = request(1, "wrong", "malformed", "html")
    (outcome,), usage = ask(server.base_url, journal, [dying])
    assert isinstance(outcome, DeadLetter)
    assert (outcome.cause, outcome.attempts) == (Cause.INVALID_REPLY, 3)
    assert "<html>" in outcome.raw_text
    assert usage.dead_letters == 1
    again, usage = ask(server.base_url, journal, [dying])
    assert again == [outcome]
    assert usage.calls == 0
    with SqliteJournal(journal) as opened:
        (row,) = opened.dead_letters()
        assert (row.tag, row.attempts, row.generation) == ("1", 3, 0)


def test_more_attempts_go_on_where_the_last_run_ended(server: ServerThread, journal: Path) -> None:
    dying = request(1, "wrong", "malformed", "html")
    ask(server.base_url, journal, [dying])
    (outcome,), usage = ask(server.base_url, journal, [dying], max_attempts=5)
    assert isinstance(outcome, Answer)
    assert (outcome.attempts, usage.calls) == (4, 1)


def test_replies_without_counts_make_the_cost_unknown(server: ServerThread, journal: Path) -> None:
    outcomes, usage = ask(server.base_url, journal, [request(1, "unmetered")])
    assert answered(outcomes) == ["1"]
    assert usage.cost_usd is None
    assert "named no token counts" in usage.describe_cost()
    _, usage = ask(server.base_url, journal, [request(2)], prices=None)
    assert usage.cost_usd is None
    assert "unknown cost" in usage.describe_cost()


def test_a_bad_server_loses_no_row(server: ServerThread, journal: Path) -> None:
    """10 % HTTP 429 and 5 % malformed replies on 500 rows."""
    requests = []
    for number in range(500):
        faults = ["429"] if number % 10 == 0 else []
        faults += ["malformed"] if number % 20 == 7 else []
        faults += ["malformed"] * 3 if number % 100 == 13 else []
        requests.append(request(number, *faults))
    outcomes, usage = ask(server.base_url, journal, requests, max_in_flight=64)
    dead = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, DeadLetter)]
    assert dead == [13, 113, 213, 313, 413]
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, Answer):
            assert answered([outcome]) == [str(number)]
    assert usage.retries == 50
    assert usage.invalid_replies == 25 + 15
    assert usage.cost_pico_usd == (495 + 25 + 15) * COST_PICO
    _, usage = ask(server.base_url, journal, requests)
    assert usage.calls == 0


def test_too_many_dead_letters_fail_the_run_and_carry_the_outcomes(
    server: ServerThread, journal: Path
) -> None:
    requests = [request(n, "400") for n in range(3)] + [request(n) for n in range(3, 30)]
    with pytest.raises(TooManyDeadLetters, match="3 of 30") as raised:
        ask(server.base_url, journal, requests, max_dead_letter_share=0.05, min_dead_letters=3)
    assert len(raised.value.outcomes) == 30
    requests = [request(n, "400", "400") for n in range(3)] + requests[3:]
    ask(server.base_url, journal, requests, max_dead_letter_share=0.05, min_dead_letters=4)


def test_the_key_is_written_nowhere(server: ServerThread, journal: Path) -> None:
    """Not even where a server repeats it in what it answers."""
    outcomes, _ = ask(server.base_url, journal, [request(1, "400"), request(2)])
    assert server.state.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(outcomes)
    assert isinstance(outcomes[0], DeadLetter)
    assert "[key]" in outcomes[0].raw_text
    assert KEY.encode() not in journal.read_bytes()


def test_a_run_without_one_answer_fails_however_small(server: ServerThread, journal: Path) -> None:
    bad = ["malformed"] * 9
    share = 0.05
    with pytest.raises(TooManyDeadLetters, match="1 of 1 requests") as raised:
        ask(server.base_url, journal, [request(1, *bad)], max_dead_letter_share=share)
    assert "--replay-dead-letters" in str(raised.value)
    both = [request(1, *bad), request(2)]
    outcomes, usage = ask(server.base_url, journal, both, max_dead_letter_share=share)
    assert usage.cached_calls == 3 and usage.calls == 1  # nothing is asked again
    assert [isinstance(outcome, Answer) for outcome in outcomes] == [False, True]
    with chat_engine(server.base_url, journal, max_dead_letter_share=share) as engine:
        engine.run([request(2)])
        (outcome,) = engine.run([request(1, *bad)])  # the model did answer before
        assert isinstance(outcome, DeadLetter)
    (outcome,), usage = ask(server.base_url, journal, [request(1, *bad)], max_dead_letter_share=1.0)
    assert isinstance(outcome, DeadLetter) and usage.calls == 0


def test_what_cannot_be_sent_says_nothing_of_the_model(server: ServerThread, journal: Path) -> None:
    unsendable = replace(request(1), messages=({"role": "user", "content": "\ud800"},))
    (outcome,), _ = ask(server.base_url, journal, [unsendable], max_dead_letter_share=0.0)
    assert isinstance(outcome, DeadLetter) and outcome.cause is Cause.REQUEST_INVALID
