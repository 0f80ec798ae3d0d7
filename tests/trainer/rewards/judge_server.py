"""A chat server that hears, over real HTTP: its answer is said by the instruction.

The instruction is a list of what to do at each arrival, `yes|503|no`: a status, `hang`, `cut`,
`junk`, or the reply itself. The last one is repeated.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import threading
import wave
from collections import Counter
from types import TracebackType
from typing import Any, Self

from aiohttp import web


class JudgeServer:
    """Runs in a thread; `bodies` may be read while it does."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.durations_s: list[float] = []
        self.most_in_flight = 0
        self.together = 1  # no call is answered before so many were in flight at once
        self._in_flight = 0
        self._arrivals: Counter[str] = Counter()
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

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
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._port = int(runner.addresses[0][1])
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            await asyncio.sleep(0.02)
            while self.most_in_flight < self.together:
                await asyncio.sleep(0.005)
            return await self._reply(request)
        finally:
            self._in_flight -= 1

    async def _reply(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.bodies.append(body)
        self.keys.append(request.headers.get("Authorization"))
        audio, question = body["messages"][0]["content"]
        self.durations_s.append(_duration_s(audio))
        found = re.search(r"<instruction>\n(.*)\n</instruction>", question["text"], re.DOTALL)
        assert found is not None
        wanted = found[1].split("|")
        act = wanted[min(self._arrivals[found[1]], len(wanted) - 1)]
        self._arrivals[found[1]] += 1
        if act.isdigit():
            return web.json_response({"error": {}}, status=int(act), headers={"Retry-After": "0"})
        if act == "hang":
            await self._stop.wait()
        if act == "cut":
            assert request.transport is not None
            request.transport.abort()
        if act == "junk":
            return web.Response(body=b"<html>", content_type="application/json")
        if act == "empty":
            return web.json_response({"choices": []})
        if act == "endless":
            return web.Response(body=b" " * (1 << 21))
        return web.json_response({"choices": [{"message": {"role": "assistant", "content": act}}]})


def _duration_s(audio: dict[str, Any]) -> float:
    """Reads the WAV as a server would."""
    if audio["type"] == "input_audio":
        assert audio["input_audio"]["format"] == "wav"
        encoded = audio["input_audio"]["data"]
    else:
        prefix = "data:audio/wav;base64,"
        assert audio["audio_url"]["url"].startswith(prefix)
        encoded = audio["audio_url"]["url"].removeprefix(prefix)
    with wave.open(io.BytesIO(base64.b64decode(encoded, validate=True))) as reader:
        assert reader.getnchannels() == 1 and reader.getsampwidth() == 2
        return float(reader.getnframes() / reader.getframerate())
