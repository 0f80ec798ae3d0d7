"""The work of the chat engine, counted; see ``counting`` for how to change a bound."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pydantic
import pytest

from pipelines.chat.engine import ChatEngine
from pipelines.chat.request import Answer, ChatRequest, Message, RawReply
from pipelines.chat.settings import ChatSettings
from pipelines.chat.sqlite_journal import SqliteJournal
from tests.benchmarks.counting import Work, calls_per_row, hold
from tests.pipelines.chat.support import request, settings

IN_FLIGHT = 16
ROWS = 512  # two look-ups


class InStep:
    """A model in this process; replies come when so many are asked for, all at one moment."""

    name = "mock"
    identity: Mapping[str, object] = {"model": "mock"}

    def __init__(self) -> None:
        self.calls = 0
        self._all = asyncio.Event()

    async def complete(
        self, messages: Sequence[Message], _schema: type[pydantic.BaseModel], _max_tokens: int
    ) -> RawReply:
        self.calls += 1
        together = self._all
        if self.calls % IN_FLIGHT == 0:
            self._all = asyncio.Event()
            together.set()
        await together.wait()
        name = str(json.loads(str(messages[1]["content"]))["id"])
        content = json.dumps({"id": name, "label": "a", "score": 0.5})
        message = {"role": "assistant", "content": content}
        reply = {
            "model": "mock",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }
        return RawReply(200, {}, orjson.dumps(reply).decode())

    async def close(self) -> None:
        """Nothing to give back."""


def chosen() -> ChatSettings:
    return settings(max_in_flight=IN_FLIGHT, max_cost_usd=100.0)


def ask(model: InStep, journal: Path, requests: Sequence[ChatRequest]) -> None:
    with ChatEngine(model, SqliteJournal(journal), chosen()) as engine:
        outcomes = engine.run(requests)
    assert all(isinstance(outcome, Answer) for outcome in outcomes)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every SQL statement that SQLite runs, a row of an ``executemany`` each."""
    found: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: Any, **more: Any) -> sqlite3.Connection:  # noqa: ANN401
        connection: sqlite3.Connection = connect(*arguments, **more)
        connection.set_trace_callback(found.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return found


def test_calls_commits_and_statements(tmp_path: Path, statements: list[str]) -> None:
    """With ``synchronous=FULL`` a commit is an fsync."""
    model = InStep()
    requests = [request(number) for number in range(ROWS)]
    ask(model, tmp_path / "journal", requests)
    assert model.calls == ROWS
    commits = sum(statement == "COMMIT" for statement in statements)
    hold("commits for replies that come together", commits / (ROWS / IN_FLIGHT), 1.15)
    hold("statements a row", len(statements) / ROWS, 1.4)

    statements.clear()
    ask(model, tmp_path / "journal", requests)
    assert model.calls == ROWS  # none again
    assert "COMMIT" not in statements
    looks = sum("FROM replies" in one or "FROM dead_letters" in one for one in statements)
    hold("look-ups of a run that finds all", looks, 4.4)  # two tables, 256 rows at a time


@pytest.mark.parametrize(("kind", "bound"), [("asked", 178), ("found", 102)])
def test_calls_of_the_engine(tmp_path: Path, kind: str, bound: float) -> None:
    made = iter(range(1000))

    def prepare(rows: int) -> Work:
        requests = [request(number) for number in range(rows)]
        journal = tmp_path / f"journal-{next(made)}"
        if kind == "found":
            ask(InStep(), journal, requests)
        return lambda: ask(InStep(), journal, requests)

    hold(f"calls a row that is {kind}", calls_per_row(prepare, ROWS // 2, "pipelines"), bound)
