"""A chat model in this process: answers by a function, counts, needs neither key nor server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydantic

from pipelines.chat.engine import ChatEngine
from pipelines.chat.parts import text_of
from pipelines.chat.request import Message, RawReply
from pipelines.chat.settings import ChatSettings
from pipelines.chat.sqlite_journal import SqliteJournal

Answers = Callable[[dict[str, Any]], object]  # question -> the reply's JSON, or its text


class FakeChatModel:
    """Answers the JSON of the first question with what ``answers`` makes of it."""

    name = "fake"
    identity: Mapping[str, object] = {"base_url": "fake:", "model": "fake"}

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.messages: list[list[Message]] = []

    @property
    def questions(self) -> list[dict[str, Any]]:
        return [json.loads(text_of(messages[-1])) for messages in self.messages]

    async def complete(
        self,
        messages: Sequence[Message],
        reply_schema: type[pydantic.BaseModel],
        max_tokens: int,
    ) -> RawReply:
        self.messages.append(list(messages))
        asked = [text_of(message) for message in messages if message["role"] == "user"]
        answer = self._answers(json.loads([text for text in asked if text.startswith("{")][-1]))
        content = answer if isinstance(answer, str) else json.dumps(answer)
        body = {"model": "fake-1", "choices": [{"message": {"content": content}}]}
        return RawReply(200, {}, json.dumps(body))

    async def close(self) -> None:
        pass


@contextmanager
def fake_engine(model: FakeChatModel, folder: Path) -> Iterator[ChatEngine]:
    settings = ChatSettings(
        base_url="http://fake.invalid", model="fake", max_attempts=2, max_dead_letter_share=1.0
    )
    with ChatEngine(model, SqliteJournal(folder / "fake.sqlite"), settings) as engine:
        yield engine
