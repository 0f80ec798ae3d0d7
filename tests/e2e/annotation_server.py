"""The mock chat server, with an answer to everything that annotate asks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from typing import Any

import orjson
from aiohttp import web

from tests.chat_server import ChatServer, ServerThread

_MOODS = "merry dry grave warm weary sharp sly tender proud timid gruff bright dreamy brisk".split()
_PACES = "fast slow even halting rolling clipped lazy springy steady drawling".split()
_CHINESE = "声音放轻 语速快些 稍带笑意 慢慢道来 有点疲惫 干脆利落 像讲故事 平静自然".split()
_NAME, _DIGITS = re.compile(r"[一-鿿]{2,}"), re.compile(r"[0-9]+")
UNKNOWN = frozenset({"APE", "DEATH"})  # characters the model does not know


class AnnotationServer(ChatServer):
    """Answers every kind of question of annotate, each in words of its own."""

    def __init__(self, delay_s: float = 0.0, balance: int | None = None) -> None:
        super().__init__(delay_s, balance)
        self.invalid: set[str] = set()  # transcripts or accents that never get a valid reply

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        name = call_name(body["messages"])
        self.arrivals[name] += 1
        self.bodies.append(body)
        self.headers.append(request.headers)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.balance is not None:
            if self.balance <= 0:
                return web.json_response({"error": {"message": "Insufficient Balance"}}, status=402)
            self.balance -= 1
        question = _question(body["messages"])
        reply = orjson.loads(self._reply(body, question, self.content(question)))
        reply["id"] = name  # so that the journal tells which calls it holds
        self.replied[name] += 1
        return web.json_response(body=orjson.dumps(reply))

    def content(self, question: dict[str, Any]) -> str:
        """What the model writes."""
        asked = question.get("speech transcript", question.get("labels", {}).get("accent"))
        if asked in self.invalid:
            return '{"description": "cut'
        return json.dumps(answer(question), ensure_ascii=False)

    def forget(self) -> None:
        """Counts from nought again."""
        self.arrivals.clear()
        self.replied.clear()
        self.bodies.clear()


def annotation_server(delay_s: float = 0.0) -> tuple[ServerThread, AnnotationServer]:
    """The thread, to be entered, and its state."""
    thread, state = ServerThread(), AnnotationServer(delay_s)
    thread.state = state
    return thread, state


def call_name(messages: list[dict[str, str]]) -> str:
    """One name for equal calls."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()[:16]


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """The reply to a question: its words follow from the question alone."""
    digest = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).digest()
    mood, other = _MOODS[digest[0] % len(_MOODS)], _MOODS[digest[1] % len(_MOODS)]
    pace, number = _PACES[digest[2] % len(_PACES)], digest[3]
    if "labels" in question:
        said = " ".join(str(value) for value in question["labels"].values())
        written = {
            "English": [f"{mood.capitalize()} words of a {said}, kind {n}." for n in range(3)],
            "Chinese": [f"第{n}种说法，{_CHINESE[digest[5] % len(_CHINESE)]}。" for n in range(3)],
        }
        return {language.lower(): written[language] for language in question["languages"]}
    if "segments" in question:
        manner = "，".join(_CHINESE[digest[n] % len(_CHINESE)] for n in (5, 6))
        return {
            "characters": [
                {"speaker_id": speaker, "identity": f"第{n}位说话人", "character": f"{manner}。"}
                for n, speaker in enumerate(question["speakers"], start=1)
            ]
        }
    if "title" in question:
        names, digits = (find.findall(question["title"]) for find in (_NAME, _DIGITS))
        return {"series": next(iter(names), None), "episode": next(iter(digits), None)}
    if "characters" in question:
        return {"known": {name: name not in UNKNOWN for name in question["characters"]}}
    if "character" in question:
        style = f"Keeps a {pace} pace in a {other} voice, mark {number}."
        return {"personality": f"A {mood} soul.", "speaking style": style}
    value = ("high", "medium", "low")[digest[4] % 3]
    if question["write in"] == "Chinese":
        words = "，".join(_CHINESE[digest[n] % len(_CHINESE)] for n in (5, 6, 7))
        return {"description": f"{words}。", "value": value}
    words = f"{mood} and {pace}, {other} underneath, by degree {number} of {digest[5]}."
    return {"description": words.capitalize(), "value": value.upper()}


def _question(messages: list[dict[str, str]]) -> dict[str, Any]:
    """The JSON of the first attempt, which the static part ends before."""
    for message in reversed(messages):
        if message["role"] == "user" and message["content"].startswith("{"):
            question: dict[str, Any] = json.loads(message["content"])
            return question
    raise AssertionError("no question")
