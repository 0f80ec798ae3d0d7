"""What the chat tests share: a reply schema, requests that state their faults, an engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict, Unpack

import pydantic

from pipelines.chat.attempts import Outcome
from pipelines.chat.engine import ChatEngine
from pipelines.chat.journals import open_journal
from pipelines.chat.openai_model import OpenAIChatModel
from pipelines.chat.request import Answer, ChatRequest
from pipelines.chat.settings import ChatSettings
from pipelines.chat.usage import Usage

KEY = "sk-secret-0123456789"
SYSTEM = "You label utterances. Reply with a JSON object."
PRICES = {
    "date": "2026-01-01",
    "currency": "USD",
    "models": {"mock": {"input_cached": 0.003, "input": 0.15, "output": 0.6}},
}
# 900 cached and 100 other prompt tokens and 50 completion tokens, as the server counts.
COST_PICO = 900 * 3_000 + 100 * 150_000 + 50 * 600_000


class Changed(TypedDict, total=False):
    """What a test may change of the settings."""

    model: str
    temperature: float
    max_tokens: int
    extra_body: dict[str, Any]
    prices: dict[str, Any] | None
    max_in_flight: int
    timeout_s: float
    max_attempts: int
    max_retries: int
    stop_after_unanswered: int
    max_cost_usd: float
    max_dead_letter_share: float
    min_dead_letters: int


class Label(pydantic.BaseModel):
    """The reply that is asked for."""

    id: str
    label: str
    score: float


def request(
    name: int | str, *faults: str, system: str = SYSTEM, max_tokens: int | None = None
) -> ChatRequest:
    question: dict[str, Any] = {"id": name, "text": "so many words"}
    if faults:
        question["faults"] = faults
    messages = (
        {"role": "system", "content": system},
        {"role": "user", "content": json.dumps(question)},
    )
    return ChatRequest(messages, Label, max_tokens, tag=str(name))


def settings(base_url: str = "http://127.0.0.1:9/v1", **more: Unpack[Changed]) -> ChatSettings:
    """Settings with a back-off that tests can wait for."""
    quick = {
        "backoff_base_s": 0.001,
        "backoff_cap_s": 0.01,
        "max_retries": 4,
        "timeout_s": 10.0,
        "max_in_flight": 16,
        "max_dead_letter_share": 1.0,  # outcomes are looked at one by one
        "prices": PRICES,
    }
    content = {"base_url": base_url, "model": "mock", **quick, **more}
    return ChatSettings.model_validate(content)


@contextmanager
def chat_engine(
    base_url: str, journal: Path | str, *, replay: bool = False, **more: Unpack[Changed]
) -> Iterator[ChatEngine]:
    chosen = settings(base_url, **more)
    model = OpenAIChatModel(chosen, {"CHAT_API_KEY": KEY})
    with ChatEngine(
        model, open_journal(str(journal)), chosen, replay_dead_letters=replay
    ) as engine:
        yield engine


def ask(
    base_url: str,
    journal: Path | str,
    requests: Sequence[ChatRequest],
    *,
    replay: bool = False,
    on_progress: Callable[[int, int, Usage], None] | None = None,
    **more: Unpack[Changed],
) -> tuple[list[Outcome], Usage]:
    """One engine, one run."""
    with chat_engine(base_url, journal, replay=replay, **more) as engine:
        return engine.run(requests, on_progress), engine.usage


def answered(outcomes: Sequence[Outcome]) -> list[str]:
    """The ids of the answers, all of which must be answers."""
    found = []
    for outcome in outcomes:
        assert isinstance(outcome, Answer), outcome
        assert isinstance(outcome.value, Label)
        found.append(outcome.value.id)
    return found
