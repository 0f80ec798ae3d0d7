"""Our side of the chat benchmarks: ``python -m benchmarks.chat_ours TASK ANSWERS STATE``.

The whole engine as the commands use it, over the server's API: look-up, budget, call, journal entry
with fsync, validation, correction. The journal is in STATE. Settings are the defaults.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import aiohttp  # noqa: F401  (the model imports these three at its first call; not timed)
import httpx2  # noqa: F401
import openai  # noqa: F401
import pydantic

from pipelines.chat.engine import ChatEngine
from pipelines.chat.openai_model import OpenAIChatModel
from pipelines.chat.request import Answer, ChatRequest
from pipelines.chat.settings import ChatSettings
from pipelines.chat.sqlite_journal import SqliteJournal


class Label(pydantic.BaseModel):
    """What the server replies."""

    id: str
    label: str
    score: float


def main(task_path: str, answers_path: str, state: str) -> None:
    """Asks, writes the answers, prints what it took."""
    task = json.loads(Path(task_path).read_text(encoding="utf-8"))
    chat = settings(task["base_url"], task["in_flight"])
    wall, cpu = time.perf_counter(), time.process_time()
    model = OpenAIChatModel(chat, {"CHAT_API_KEY": "sk-mock"})
    system = {"role": "system", "content": task["system"]}
    requests = [
        ChatRequest((system, {"role": "user", "content": question}), Label)
        for question in task["questions"]
    ]
    with ChatEngine(model, SqliteJournal(Path(state) / "journal.sqlite"), chat) as engine:
        outcomes = engine.run(requests)
        usage = engine.usage
    seconds, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    labels = {}
    for outcome in outcomes:
        if isinstance(outcome, Answer):
            assert isinstance(outcome.value, Label)
            labels[outcome.value.id] = outcome.value.label
    Path(answers_path).write_text(json.dumps(labels), encoding="utf-8")
    facts = {"seconds": seconds, "cpu_s": cpu_s, "dead_letters": usage.dead_letters}
    print(json.dumps({**facts, "invalid_replies": usage.invalid_replies}))


def settings(base_url: str, in_flight: int) -> ChatSettings:
    """The defaults, with a price and a budget, so that both are at work."""
    price = {"input_cached": 0.003, "input": 0.15, "output": 0.6}
    content = {
        "base_url": base_url,
        "model": "mock",
        "max_in_flight": in_flight,
        "max_cost_usd": 1000.0,
        "prices": {"date": "2026-01-01", "currency": "USD", "models": {"mock": price}},
    }
    return ChatSettings.model_validate(content)


if __name__ == "__main__":
    main(*sys.argv[1:])
