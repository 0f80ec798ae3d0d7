"""A chat server that writes instructions, over real HTTP: most of them new, some of them wrong.

What an item is like follows from the question alone: its words from a hash, and so does whether
something is wrong with it (:data:`FAULTS`). Some replies are no JSON at
their first arrival, and some never are.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from tests.chat_server import ChatServer, ServerThread
from tests.e2e.annotation_server import call_name

_SYLLABLES = "ba ke li mo nu ra se ti vo wu za de fi go hu ja ko lu me ni po ru sa te vi".split()
_CHARACTERS = (
    "春风小巷老人慢说轻声夜里雨山海笑泪远近高低快乐忧伤明月清晨街灯火车站台旧书新茶花开叶落"
)
# Hash of question and seed, modulo 22 -> what is wrong with the item.
FAULTS: Mapping[int, str] = {
    1: "repeated",
    4: "repeated",
    2: "similar",
    3: "features",
    5: "language",
    7: "overlong",
    9: "absent",
    11: "copied",
}


class InstructionServer(ChatServer):
    """Answers every question of the S3 set; ``honest`` has nothing wrong."""

    def __init__(self, *, honest: bool = False, muted: frozenset[int] = frozenset()) -> None:
        super().__init__()
        self.honest = honest
        self.muted = muted  # numbers of requests that never get a valid reply
        self.same = False  # every instruction is one of three
        self.fail_after: int | None = None  # calls, then the key is no longer good
        self.questions: list[dict[str, Any]] = []

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        name = call_name(body["messages"])
        self.arrivals[name] += 1
        self.bodies.append(body)
        if self.fail_after is not None and self.calls > self.fail_after:
            return web.json_response({"error": {"message": "no"}}, status=401)
        asked = [m["content"] for m in body["messages"] if m["role"] == "user"]
        question = json.loads([text for text in asked if text.startswith("{")][-1])
        self.questions.append(question)
        corrected = not asked[-1].startswith("{")
        number = question["request"]
        broken = number in self.muted or (number % 5 == 2 and not corrected and not self.honest)
        content = '{"items": [' if broken else json.dumps(self.reply(question), ensure_ascii=False)
        reply = orjson.loads(self._reply(body, question, content))
        reply["id"] = name
        self.replied[name] += 1
        return web.json_response(body=orjson.dumps(reply))

    def reply(self, question: dict[str, Any]) -> dict[str, Any]:
        """All items of a reply, in another order than asked for."""
        items = [self.item(question, seed) for seed in question["seeds"]]
        return {"items": [item for item in reversed(items) if item is not None]}

    def item(self, question: dict[str, Any], seed: dict[str, Any]) -> dict[str, Any] | None:
        """One item; None where the model forgets it."""
        place = zlib.crc32(json.dumps([question, seed], sort_keys=True).encode()) % 22
        fault = None if self.honest else FAULTS.get(place)
        if fault == "absent":
            return None
        chance = random.Random(json.dumps([question, seed], sort_keys=True))
        if self.same:
            chance = random.Random(place % 3)
        language = question["write in"]
        wrong = {"English": "Chinese", "Chinese": "English"}[language]
        text = _words(chance, wrong if fault == "language" else language, 6)
        if fault == "repeated":
            chance = random.Random("the same")
        elif fault == "similar":
            base = _words(random.Random("nearly the same"), language, 20)
            chance = random.Random(base)
        names = list(seed.get("attributes", ()))
        phrases = {name: _words(chance, language, 4) for name in names}
        if fault == "similar" and names:
            phrases[names[0]] += _words(random.Random(str(seed)), language, 1)
        found: dict[str, Any] = {"seed": seed["seed"], "text": text}
        if "features" in question:
            if fault == "features":
                phrases[names[0]] = "not in the instruction"
                joined = ", ".join(phrases[name] for name in names[1:])
            else:
                joined = ", ".join(phrases.values())
            found |= {"instruction": joined, "features": phrases}
        elif names:
            if fault == "features":
                phrases = {"mood": "not an attribute", **phrases}
            found["description"] = phrases
        else:
            found["instruction"] = _words(chance, language, 9)
            if fault == "similar":
                found["instruction"] += _words(random.Random(str(seed)), language, 1)
        if fault == "overlong":
            found["text"] = text * 100
        if fault == "copied":
            found["text"] = "The lamp has burned through worse than this. It will burn tonight."
        return found


def instruction_server(**more: Any) -> tuple[ServerThread, InstructionServer]:  # noqa: ANN401
    """The thread, to be entered, and its state."""
    thread, state = ServerThread(), InstructionServer(**more)
    thread.state = state
    return thread, state


def _words(chance: random.Random, language: str, number: int) -> str:
    if language == "Chinese":
        return "".join(chance.choices(_CHARACTERS, k=2 * number))
    return " ".join("".join(chance.choices(_SYLLABLES, k=3)) for _ in range(number))
