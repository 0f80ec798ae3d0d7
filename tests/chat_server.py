"""A chat server over real HTTP that counts its calls and fails on demand.

In a thread (:class:`ServerThread`) or as a process of its own (``python -m tests.chat_server``).
What it does is said by the request: the last part of the first user message is JSON with an
``id`` and, if anything is to go wrong, a list of ``faults``; arrival number n of an id takes
``faults[n]``, and later ones are answered properly. So a test states the behaviour of a row in
the row, and the server needs no configuration.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import web

MODEL = "mock-2026-01-01"  # the exact model replies name
CACHED_TOKENS = 900
PROBE = "probe"  # the id under which calls that ask nothing are counted
_JSON = {"Content-Type": "application/json"}


class ChatServer:
    """State and handlers: every arrival and every reply that was sent completely."""

    def __init__(self, delay_s: float = 0.0, balance: int | None = None) -> None:
        self.delay_s = delay_s
        self.keep_bodies = True
        self.balance = balance  # calls that are paid for; after them HTTP 402
        self.arrivals: Counter[str] = Counter()  # by id
        self.replied: Counter[str] = Counter()  # by id: HTTP 200 written to the socket
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.together = 1  # no call is answered before so many were in flight at once

    @property
    def calls(self) -> int:
        return self.arrivals.total()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_get("/stats", self.stats)
        return app

    async def stats(self, _request: web.Request) -> web.Response:
        return web.json_response({"arrivals": self.arrivals, "replied": self.replied})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            while self.most_in_flight < self.together:
                await asyncio.sleep(0.005)
            return await self._complete(request)
        finally:
            self.in_flight -= 1

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        question = _question(body)
        if question is None:  # a client that looks what the server can do
            self.arrivals[PROBE] += 1
            return self._probed(body)
        name = str(question["id"])
        arrival = self.arrivals[name]
        self.arrivals[name] += 1
        if self.keep_bodies:
            self.bodies.append(body)
            self.headers.append(request.headers)
        faults = question.get("faults", ())
        fault = faults[arrival] if arrival < len(faults) else "ok"
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.balance is not None:
            if self.balance <= 0:
                return web.json_response({"error": {"message": "Insufficient Balance"}}, status=402)
            self.balance -= 1
        response = await self._answer(request, body, question, fault)
        self.replied[name] += 1 if response.status == 200 else 0
        return response

    async def _answer(
        self, request: web.Request, body: dict[str, Any], question: dict[str, Any], fault: str
    ) -> web.StreamResponse:
        kind, _, argument = fault.partition(":")
        if kind.isdigit():
            return self._error(request, int(kind), argument)
        if kind == "hang":
            await asyncio.sleep(float(argument or 3600))
        if kind == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if kind == "close":  # an orderly end before any reply
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if kind == "keepalive":
            stream = web.StreamResponse(headers=_JSON)
            await stream.prepare(request)
            await stream.write(b"\n\n: keep-alive\n\n: keep-alive\n")
            await asyncio.sleep(0.02)
            await stream.write(b"\n" + self._reply(body, question))
            await stream.write_eof()
            return stream
        if kind == "drip":  # keep-alive lines without an end
            stream = web.StreamResponse(headers=_JSON)
            await stream.prepare(request)
            for _ in range(1000):
                await stream.write(b": keep-alive\n\n")
                await asyncio.sleep(0.02)
            return stream
        if kind == "cut":  # fewer bytes than announced, then the connection ends
            reply = self._reply(body, question)
            stream = web.StreamResponse(headers={**_JSON, "Content-Length": str(len(reply))})
            await stream.prepare(request)
            await stream.write(reply[: len(reply) // 2])
            assert request.transport is not None
            request.transport.close()
            return stream
        return web.Response(body=self._body(body, question, kind), headers=_JSON)

    def _probed(self, body: dict[str, Any]) -> web.Response:
        if not body.get("messages"):
            return web.json_response({"error": {"message": "Empty input messages"}}, status=400)
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        kinds = {key: of.get("type") for key, of in schema.get("properties", {}).items()}
        content = {key: "x" if kind == "string" else 1 for key, kind in kinds.items()}
        self.replied[PROBE] += 1
        return web.Response(body=self._reply(body, {}, json.dumps(content)), headers=_JSON)

    def _error(self, request: web.Request, status: int, retry_after: str) -> web.Response:
        headers = {}
        if retry_after == "date":  # two seconds ahead: one at the least is left of them
            headers["Retry-After"] = formatdate(time.time() + 2, usegmt=True)
        elif retry_after:
            headers["Retry-After"] = retry_after
        # Servers do repeat the key they were given.
        told = {"message": f"status {status}", "key": request.headers.get("Authorization", "")}
        return web.json_response({"error": told}, status=status, headers=headers)

    def _body(self, body: dict[str, Any], question: dict[str, Any], kind: str) -> bytes:
        reply = self._reply(body, question)
        contents = {
            "blank": "",
            "malformed": "{'label': oops",
            "wrong": '{"label": 7}',
            "nan": '{"id": "x", "label": "a", "score": NaN}',
            "fenced": "```json\n" + _content(question) + "\n```",
        }
        if kind in contents:
            return self._reply(body, question, contents[kind])
        bodies = {
            "html": b"<html><body>502 Bad Gateway</body></html>",
            "empty": b"",
            "half": reply[: len(reply) // 2],
            "list": b"[]",
            "error200": b'{"error": {"message": "overloaded"}}',
            "unmetered": reply.replace(b'"usage"', b'"used"'),
            "length": self._reply(body, question, finish_reason="length"),
        }
        return bodies.get(kind, reply)

    def _reply(
        self,
        body: dict[str, Any],
        question: dict[str, Any],
        content: str | None = None,
        finish_reason: str = "stop",
    ) -> bytes:
        message = {
            "role": "assistant",
            "content": _content(question) if content is None else content,
        }
        return orjson.dumps(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": MODEL,
                "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
                "usage": {
                    "prompt_tokens": 1000,
                    "completion_tokens": 50,
                    "total_tokens": 1050,
                    "prompt_cache_hit_tokens": CACHED_TOKENS,
                    "prompt_cache_miss_tokens": 100,
                },
            }
        )


def _question(body: dict[str, Any]) -> dict[str, Any] | None:
    """What is asked; None where the request is not of the tests' form."""
    users = [message for message in body.get("messages", []) if message["role"] == "user"]
    try:
        question = orjson.loads(users[0]["content"])
    except (IndexError, orjson.JSONDecodeError):
        return None
    return question if isinstance(question, dict) and "id" in question else None


def _content(question: dict[str, Any]) -> str:
    name = str(question["id"])
    label = hashlib.sha256(name.encode()).hexdigest()[:8]
    return json.dumps({"id": name, "label": label, "score": 0.5})


class ServerThread:
    """The server in a thread of this process; ``state`` may be read while it runs."""

    def __init__(self, delay_s: float = 0.0, balance: int | None = None) -> None:
        self.state = ChatServer(delay_s, balance)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def until_alone(self) -> None:
        """Waits until nobody is connected: what was under way to a client that died is over."""
        assert self._runner is not None and self._runner.server is not None
        until = time.monotonic() + 60
        while self.state.in_flight or self._runner.server.connections:
            assert time.monotonic() < until, "a client is still connected"
            time.sleep(0.005)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        # Hanging handlers are not waited for at the end.
        runner = web.AppRunner(self.state.app(), access_log=None, shutdown_timeout=0.05)
        self.port = await start(runner, 0)
        self._runner = runner
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()


async def start(runner: web.AppRunner, port: int) -> int:
    """Starts serving on the loopback interface; returns the port."""
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    return int(runner.addresses[0][1])


async def _main(arguments: argparse.Namespace) -> None:
    server = ChatServer(arguments.delay_ms / 1000, arguments.balance)
    server.keep_bodies = False  # nobody can look at them from outside
    runner = web.AppRunner(server.app(), access_log=None)
    port = await start(runner, arguments.port)
    temporary = Path(f"{arguments.port_file}.tmp")
    temporary.write_text(str(port))
    temporary.replace(arguments.port_file)  # whoever waits for the file finds it complete
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, required=True, help="where the port is written")
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--balance", type=int, default=None, help="calls before HTTP 402")
    asyncio.run(_main(parser.parse_args()))
