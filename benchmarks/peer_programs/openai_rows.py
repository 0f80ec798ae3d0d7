"""The bare client, what a user would write: ``openai_rows.py TASK ANSWERS STATE``.

``AsyncOpenAI`` over its aiohttp transport, one worker a call in flight, the reply's content taken
from the typed object and read as JSON; nothing is kept.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp  # noqa: F401  (imported by the transport at its first call; not timed)
import httpx2
import openai


async def ask(task: dict[str, Any]) -> dict[str, str]:
    """The calls alone."""
    waiting = iter(task["questions"])
    labels: dict[str, str] = {}
    async with openai.AsyncOpenAI(
        api_key="sk-mock",
        base_url=task["base_url"],
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(
            limits=httpx2.Limits(max_connections=task["in_flight"])
        ),
    ) as client:

        async def work() -> None:
            for question in waiting:
                reply = await client.chat.completions.create(
                    model="mock",
                    messages=[
                        {"role": "system", "content": task["system"]},
                        {"role": "user", "content": question},
                    ],
                    temperature=1.0,
                    max_tokens=4096,
                    response_format={"type": "json_object"},
                )
                found = json.loads(reply.choices[0].message.content or "")
                labels[found["id"]] = found["label"]

        await asyncio.gather(*(work() for _ in range(task["in_flight"])))
    return labels


def main(task_path: str, answers_path: str, _state: str) -> None:
    """Asks, writes the answers, prints what it took."""
    task = json.loads(Path(task_path).read_text(encoding="utf-8"))
    wall, cpu = time.perf_counter(), time.process_time()
    labels = asyncio.run(ask(task))
    seconds, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    Path(answers_path).write_text(json.dumps(labels), encoding="utf-8")
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main(*sys.argv[1:])
