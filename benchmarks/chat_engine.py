"""The chat engine against the bare client: ``python -m benchmarks.chat_engine``.

2,000 calls of 50 ms, 64 in flight, against one server in a process of its own. Bare is what a
user would write: ``AsyncOpenAI`` over its aiohttp transport, 64 workers, the reply's content taken
from the typed object, nothing kept. The engine does the same calls with everything it is for:
look-up, budget, journal entry with fsync, validation. They alternate, and the ratio of their
medians is the figure; rates by themselves only say how fast the machine is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import httpx2
import openai
import pydantic
from openai.types.chat import ChatCompletionMessageParam

from pipelines.chat.engine import ChatEngine
from pipelines.chat.openai_model import OpenAIChatModel
from pipelines.chat.request import Answer, ChatRequest
from pipelines.chat.settings import ChatSettings
from pipelines.chat.sqlite_journal import SqliteJournal

Asked = list[tuple[dict[str, str], ...]]  # the messages of each call
Runner = Callable[[str, Asked, int], None]

_SYSTEM = "You label utterances. Reply with a JSON object. " + "One more rule of style. " * 80
_TEXT = "x" * 200
_BAR = 0.8


class Label(pydantic.BaseModel):
    """What the server replies."""

    id: str
    label: str
    score: float


def questions(calls: int, round_number: int) -> Asked:
    """The messages of a round: one static prompt, one variable question each."""
    return [
        (
            {"role": "system", "content": _SYSTEM},
            {
                "role": "user",
                "content": json.dumps({"id": f"{round_number}-{n}", "text": "x" * 200}),
            },
        )
        for n in range(calls)
    ]


def settings(base_url: str, in_flight: int) -> ChatSettings:
    """With a price and a budget, so that both are at work."""
    return ChatSettings.model_validate(
        {
            "base_url": base_url,
            "model": "mock",
            "max_in_flight": in_flight,
            "max_cost_usd": 1000.0,
            "prices": {
                "date": "2026-01-01",
                "currency": "USD",
                "models": {"mock": {"input_cached": 0.003, "input": 0.15, "output": 0.6}},
            },
        }
    )


def run_bare(base_url: str, asked: Asked, in_flight: int) -> None:
    """The calls alone."""

    async def main() -> None:
        waiting = iter(asked)
        contents: list[str | None] = []
        async with openai.AsyncOpenAI(
            api_key="sk-mock",
            base_url=base_url,
            max_retries=0,
            http_client=openai.DefaultAioHttpClient(
                limits=httpx2.Limits(max_connections=in_flight)
            ),
        ) as client:

            async def work() -> None:
                for messages in waiting:
                    reply = await client.chat.completions.create(
                        model="mock",
                        messages=cast("list[ChatCompletionMessageParam]", messages),
                        temperature=1.0,
                        max_tokens=4096,
                        response_format={"type": "json_object"},
                    )
                    contents.append(reply.choices[0].message.content)

            await asyncio.gather(*(work() for _ in range(in_flight)))
        assert len(contents) == len(asked)

    asyncio.run(main())


def run_engine(base_url: str, asked: Asked, in_flight: int) -> None:
    """The calls with all the engine does."""
    with tempfile.TemporaryDirectory() as folder:
        chat = settings(base_url, in_flight)
        model = OpenAIChatModel(chat, {"CHAT_API_KEY": "sk-mock"})
        with ChatEngine(model, SqliteJournal(Path(folder) / "journal.sqlite"), chat) as engine:
            outcomes = engine.run([ChatRequest(messages, Label) for messages in asked])
        assert all(isinstance(outcome, Answer) for outcome in outcomes)


def measure(run: Runner, base_url: str, asked: Asked, in_flight: int) -> tuple[float, float]:
    """Calls a second and CPU milliseconds a call (all threads of this process)."""
    wall, cpu = time.perf_counter(), time.process_time()
    run(base_url, asked, in_flight)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return len(asked) / seconds, cpu_seconds / len(asked) * 1000


def main(argv: list[str] | None = None) -> int:
    """Prints both rates and their ratio; exit status 1 below the bar."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--delay-ms", type=float, default=50.0)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        command = [sys.executable, "-m", "tests.chat_server", "--port-file", str(port_file)]
        command += ["--delay-ms", str(arguments.delay_ms)]
        server = subprocess.Popen(command)
        try:
            while not port_file.exists():
                if server.poll() is not None:
                    raise RuntimeError("the server did not start")
                time.sleep(0.05)
            return _compare(f"http://127.0.0.1:{port_file.read_text()}/v1", arguments)
        finally:
            server.kill()
            server.wait()


def _compare(base_url: str, arguments: argparse.Namespace) -> int:
    kinds = {"bare": run_bare, "engine": run_engine}
    for run in kinds.values():  # imports and connections warm, and not measured
        run(base_url, questions(100, -1), arguments.in_flight)
    ideal = arguments.in_flight / arguments.delay_ms * 1000
    print(
        f"{arguments.calls} calls of {arguments.delay_ms:g} ms, {arguments.in_flight} in flight, "
        f"{os.cpu_count()} CPUs; the delay alone allows {ideal:.0f} calls/s"
    )
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    costs: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(arguments.rounds):
        asked = questions(arguments.calls, number)
        for kind, run in kinds.items():
            rate, cpu_ms = measure(run, base_url, asked, arguments.in_flight)
            rates[kind].append(rate)
            costs[kind].append(cpu_ms)
            print(f"round {number + 1} {kind:>6}: {rate:6.0f} calls/s, {cpu_ms:.2f} CPU-ms a call")
    ratios = [one / other for one, other in zip(rates["engine"], rates["bare"], strict=True)]
    for kind in kinds:
        rate, cpu_ms = statistics.median(rates[kind]), statistics.median(costs[kind])
        print(f"median  {kind:>6}: {rate:6.0f} calls/s, {cpu_ms:.2f} CPU-ms a call")
    ratio = statistics.median(ratios)
    print(f"engine / bare: {ratio:.2f} (median of {len(ratios)} rounds), the bar is {_BAR}")
    return 0 if ratio >= _BAR else 1


if __name__ == "__main__":
    sys.exit(main())
