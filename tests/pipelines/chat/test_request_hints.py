"""What a request may add to its question: a check of its own, and a typical reply."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pipelines.chat.request import Answer, Cause, ChatRequest, DeadLetter
from tests.chat_server import ServerThread
from tests.pipelines.chat.support import Label, ask, chat_engine, request


def _refuse(times: int, name: str) -> ChatRequest:
    """A request that finds fault with the first ``times`` replies to it."""
    seen: list[Label] = []

    def check(label: Label) -> str:
        seen.append(label)
        return f"label: {label.label} is taken" if len(seen) <= times else ""

    return dataclasses.replace(request(name), check=check)


def test_a_reply_that_fails_the_check_is_corrected(server: ServerThread, journal: Path) -> None:
    (outcome,), usage = ask(server.base_url, journal, [_refuse(1, "a")])
    assert isinstance(outcome, Answer) and outcome.attempts == 2
    assert usage.invalid_replies == 1
    told = server.state.bodies[1]["messages"][-1]["content"]
    assert told.startswith("That was not usable: the reply does not fit: label: ")
    assert "is taken" in told


def test_a_check_that_is_never_content_makes_a_dead_letter(
    server: ServerThread, journal: Path
) -> None:
    (outcome,), _ = ask(server.base_url, journal, [_refuse(9, "a")])
    assert isinstance(outcome, DeadLetter)
    assert (outcome.cause, outcome.attempts) == (Cause.INVALID_REPLY, 3)
    assert outcome.detail.endswith("is taken")


def test_check_and_typical_reply_are_not_part_of_the_question(
    server: ServerThread, journal: Path
) -> None:
    plain = request("a")
    ask(server.base_url, journal, [plain])
    hinted = dataclasses.replace(
        plain, check=lambda label: "", typical=Label(id="a", label="b", score=1.0)
    )
    outcomes, usage = ask(server.base_url, journal, [hinted, plain])
    assert outcomes[0] == outcomes[1]
    assert (usage.calls, server.state.calls) == (0, 1)


def test_a_plan_takes_the_length_of_the_typical_reply(journal: Path) -> None:
    long = Label(id="a", label="b" * 1000, score=1.0)
    with chat_engine("http://127.0.0.1:9/v1", journal) as engine:
        plan = engine.plan([dataclasses.replace(request("a"), typical=long)])
        other = engine.plan([request("a", max_tokens=400)])
    assert 300 <= plan.completion_tokens <= 320
    assert other.completion_tokens == 100


def test_what_the_journal_has_is_recalled_without_a_call(
    server: ServerThread, journal: Path
) -> None:
    unsendable = dataclasses.replace(
        request("u"), messages=({"role": "user", "content": "\ud800"},)
    )
    bought, _ = ask(server.base_url, journal, [request(n) for n in range(300)])
    dead, _ = ask(server.base_url, journal, [_refuse(9, "dead")])
    calls = server.state.calls
    wanted = [request(n) for n in range(300)] + [request("new"), _refuse(9, "dead"), unsendable]
    with chat_engine(server.base_url, journal) as engine:
        found = engine.recall(wanted)
        assert found[:300] == bought
        assert found[300] is None
        assert found[301] == dead[0]
        assert isinstance(found[302], DeadLetter)
        assert engine.usage.calls == engine.usage.cached_calls == 0
    assert server.state.calls == calls
    # With a replay ahead the dead letter is due again, and looking opens no replay.
    with chat_engine(server.base_url, journal, replay=True) as engine:
        assert engine.recall([_refuse(9, "dead")]) == [None]
        assert engine.recall([request(0)]) == bought[:1]
