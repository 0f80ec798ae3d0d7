"""Nothing is bought twice: the same, more, or other requests against one journal."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.chat.request import Answer, Cause, ChatRequest, DeadLetter
from pipelines.chat.sqlite_journal import SqliteJournal
from pipelines.chat.usage import Usage
from pipelines.errors import UsageError
from tests.chat_server import MODEL, ServerThread
from tests.pipelines.chat.support import (
    COST_PICO,
    Changed,
    Label,
    answered,
    ask,
    chat_engine,
    request,
)


def test_answers_come_in_the_order_of_the_requests(server: ServerThread, journal: Path) -> None:
    outcomes, usage = ask(server.base_url, journal, [request(n) for n in range(100)])
    assert answered(outcomes) == [str(n) for n in range(100)]
    assert usage.calls == usage.replies == server.state.calls == 100
    assert usage.cost_pico_usd == 100 * COST_PICO
    assert usage.prefix_cache_share == 0.9
    first = outcomes[0]
    assert isinstance(first, Answer)
    assert (first.model, first.attempts) == (MODEL, 1)


def test_a_second_run_makes_no_call(server: ServerThread, journal: Path) -> None:
    requests = [request(n) for n in range(600)]  # more than a chunk
    first, _ = ask(server.base_url, journal, requests)
    again, usage = ask(server.base_url, journal, requests)
    assert again == first
    assert server.state.calls == 600
    assert (usage.calls, usage.cached_calls, usage.cost_pico_usd) == (0, 600, 0)


def test_a_run_from_the_journal_alone_needs_no_key(
    server: ServerThread, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.chat.engine import ChatEngine
    from pipelines.chat.openai_model import OpenAIChatModel
    from tests.pipelines.chat.support import settings

    first, _ = ask(server.base_url, journal, [request(1)])
    chosen = settings(server.base_url)
    with ChatEngine(OpenAIChatModel(chosen, {}), SqliteJournal(journal), chosen) as engine:
        assert engine.run([request(1)]) == first


def test_one_row_added_is_one_call(server: ServerThread, journal: Path) -> None:
    requests = [request(n) for n in range(50)]
    ask(server.base_url, journal, requests)
    ask(server.base_url, journal, [*requests[:20], request("new"), *requests[20:]])
    assert server.state.calls == 51
    assert server.state.arrivals["new"] == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"temperature": 0.5},
        {"max_tokens": 100},
        {"extra_body": {"thinking": {"type": "disabled"}}},
        {"model": "other"},
    ],
)
def test_other_parameters_are_other_calls(
    server: ServerThread, journal: Path, changed: Changed
) -> None:
    requests = [request(n) for n in range(5)]
    ask(server.base_url, journal, requests)
    ask(server.base_url, journal, requests, **changed)
    assert server.state.calls == 10


def test_another_system_prompt_asks_all_again(server: ServerThread, journal: Path) -> None:
    ask(server.base_url, journal, [request(n) for n in range(5)])
    ask(server.base_url, journal, [request(n, system="Be brief. JSON.") for n in range(5)])
    assert server.state.calls == 10


def test_another_reply_schema_asks_again(server: ServerThread, journal: Path) -> None:
    class Longer(Label):
        note: str = ""

    ask(server.base_url, journal, [request(1)])
    ask(server.base_url, journal, [ChatRequest(request(1).messages, Longer)])
    assert server.state.calls == 2


def test_settings_that_do_not_change_replies_do_not_ask_again(
    server: ServerThread, journal: Path
) -> None:
    ask(server.base_url, journal, [request(1)])
    ask(server.base_url, journal, [request(1)], max_in_flight=1, timeout_s=3.0, prices=None)
    assert server.state.calls == 1


def test_equal_requests_are_one_call(server: ServerThread, journal: Path) -> None:
    names = [n % 7 for n in range(700)]
    outcomes, usage = ask(server.base_url, journal, [request(n) for n in names])
    assert answered(outcomes) == [str(n) for n in names]
    assert server.state.calls == 7
    assert (usage.duplicates, usage.cost_pico_usd) == (693, 7 * COST_PICO)


def test_equal_requests_die_together_and_are_counted(server: ServerThread, journal: Path) -> None:
    outcomes, usage = ask(server.base_url, journal, [request(1, *["malformed"] * 9)] * 4)
    assert [type(outcome) for outcome in outcomes] == [DeadLetter] * 4
    assert usage.dead_letters == 4
    assert server.state.calls == 3


def test_one_question_with_two_schemas_that_look_alike_is_refused(
    server: ServerThread, journal: Path
) -> None:
    class Twin(Label):
        pass

    Twin.__name__ = Twin.__qualname__ = "Label"
    twin = ChatRequest(request(1).messages, Twin)
    with pytest.raises(UsageError, match="two reply schemas"):
        ask(server.base_url, journal, [request(1), twin])


def test_outcomes_do_not_depend_on_concurrency(tmp_path: Path) -> None:
    faults: list[tuple[str, ...]] = [(), ("429",), ("malformed",), ("503", "wrong"), ("400",)]
    faults += [("malformed", "wrong", "blank"), ("fenced",), ("keepalive",), ("half",)]
    requests = [request(n % 150, *faults[n % 150 % len(faults)]) for n in range(200)]
    found = []
    for in_flight in (1, 7, 64):
        with ServerThread(delay_s=0.001) as server:
            outcomes, usage = ask(
                server.base_url,
                tmp_path / f"{in_flight}.sqlite",
                requests,
                max_in_flight=in_flight,
                max_dead_letter_share=1.0,
            )
        assert server.state.most_in_flight <= in_flight
        found.append((outcomes, usage))
    assert found[0] == found[1] == found[2]
    # "400" is refused, and three bad replies are one too many.
    assert found[0][1].dead_letters == sum(n % 150 % 9 in (4, 5) for n in range(200))


def test_many_calls_are_in_flight_at_once(journal: Path) -> None:
    with ServerThread() as server:
        server.state.together = 300
        requests = [request(n) for n in range(300)]
        outcomes, usage = ask(
            server.base_url, journal, requests, max_in_flight=300, timeout_s=240.0
        )
        assert answered(outcomes) == [str(n) for n in range(300)]
        assert usage.calls == server.state.most_in_flight == 300


def test_no_requests_are_no_work(server: ServerThread, journal: Path) -> None:
    assert ask(server.base_url, journal, [])[0] == []


def test_several_runs_share_one_loop_and_one_connection_pool(
    server: ServerThread, journal: Path
) -> None:
    with chat_engine(server.base_url, journal) as engine:
        for start in range(0, 30, 10):
            engine.run([request(n) for n in range(start, start + 10)])
        assert engine.usage.calls == 30
        engine.close()  # twice is once


def test_threads_take_turns_with_one_engine(server: ServerThread, journal: Path) -> None:
    with chat_engine(server.base_url, journal) as engine, ThreadPoolExecutor(4) as threads:
        asked = [[request(n) for n in range(start, start + 20)] for start in range(0, 80, 20)]
        found = list(threads.map(engine.run, asked))
    assert [answered(part) for part in found] == [[r.tag for r in part] for part in asked]
    assert server.state.calls == 80


def test_progress_counts_every_request_once(server: ServerThread, journal: Path) -> None:
    seen: list[tuple[int, int]] = []
    requests = [request(n % 20) for n in range(30)] + [request("x", "400")]

    def progress(done: int, total: int, usage: Usage) -> None:
        seen.append((done, total))

    ask(server.base_url, journal, requests, on_progress=progress)
    assert seen[-1] == (31, 31)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_error_in_the_progress_callback_ends_the_run_and_keeps_what_was_paid(
    server: ServerThread, journal: Path
) -> None:
    def progress(done: int, total: int, usage: Usage) -> None:
        raise ZeroDivisionError

    requests = [request(n) for n in range(100)]
    with pytest.raises(ZeroDivisionError):
        ask(server.base_url, journal, requests, on_progress=progress)
    before = server.state.calls
    assert before <= 16
    ask(server.base_url, journal, requests)
    assert server.state.calls == 100


def test_text_that_no_server_can_be_sent_is_a_dead_letter(
    server: ServerThread, journal: Path
) -> None:
    broken = ChatRequest(
        ({"role": "system", "content": "s"}, {"role": "user", "content": "\ud800"}), Label
    )
    outcomes, usage = ask(server.base_url, journal, [broken, request(1)])
    assert isinstance(outcomes[0], DeadLetter)
    assert outcomes[0].cause is Cause.REQUEST_INVALID
    assert answered(outcomes[1:]) == ["1"]
    assert usage.dead_letters == 1


def test_the_raw_reply_is_found_by_its_hash(server: ServerThread, journal: Path) -> None:
    (outcome,), _ = ask(server.base_url, journal, [request(1)])
    assert isinstance(outcome, Answer)
    with SqliteJournal(journal) as opened:
        reply = opened.find_raw(outcome.reply_sha256)
        assert reply is not None
        assert hashlib.sha256(reply.text.encode()).hexdigest() == outcome.reply_sha256
        assert opened.find_raw("00" * 32) is None


def test_a_plan_calls_nothing_and_is_what_happens(server: ServerThread, journal: Path) -> None:
    ask(server.base_url, journal, [request(n) for n in range(10)])
    requests = [request(n) for n in range(30)] + [request(29)]
    with chat_engine(server.base_url, journal) as engine:
        plan = engine.plan(requests)
        assert server.state.calls == 10
        assert (plan.requests, plan.answered, plan.calls, plan.duplicates) == (31, 10, 20, 1)
        assert plan.completion_tokens == 20 * 50  # the mean of the journal
        assert plan.cost_usd is not None and plan.cost_bound_usd is not None
        assert 0 < plan.cost_usd < plan.cost_bound_usd
        assert "20 calls to make" in plan.describe()
        engine.run(requests)
        assert engine.usage.calls == 20
    with chat_engine(server.base_url, journal, prices=None) as engine:
        plan = engine.plan([request("unknown price")])
        assert plan.cost_usd is None
        assert "unknown" in plan.describe()
        assert type(plan).total([plan, plan]).calls == 2
