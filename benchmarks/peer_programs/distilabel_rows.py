"""Distilabel over the same rows: ``distilabel_rows.py TASK ANSWERS STATE``.

A pipeline of two steps, its cache on as it is by default, in STATE: rows from a list, then text
generation in JSON mode, a batch as large as the task allows calls in flight.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main(task_path: str, answers_path: str, state: str) -> None:
    """Asks, writes the answers, prints what it took."""
    os.environ["HF_HOME"] = str(Path(state, "huggingface"))
    from distilabel.models import OpenAILLM  # type: ignore[import-not-found]
    from distilabel.pipeline import Pipeline  # type: ignore[import-not-found]
    from distilabel.steps import LoadDataFromDicts  # type: ignore[import-not-found]
    from distilabel.steps.tasks import TextGeneration  # type: ignore[import-not-found]

    task = json.loads(Path(task_path).read_text(encoding="utf-8"))
    wall = time.perf_counter()
    in_flight = task["in_flight"]
    with Pipeline(name="rows", cache_dir=str(Path(state, "cache"))) as pipeline:
        rows = LoadDataFromDicts(
            data=[{"instruction": question} for question in task["questions"]],
            batch_size=in_flight,
        )
        llm = OpenAILLM(
            model="mock",
            base_url=task["base_url"],
            api_key="sk-mock",
            generation_kwargs={
                "temperature": 1.0,
                "max_new_tokens": 4096,
                "response_format": {"type": "json_object"},
            },
        )
        generation = TextGeneration(
            llm=llm, system_prompt=task["system"], input_batch_size=in_flight
        )
        rows >> generation
    found = pipeline.run(use_cache=True)
    seconds = time.perf_counter() - wall
    cpu = os.times()  # the steps are processes of their own
    labels: dict[str, str] = {}
    unread = 0
    for split in found["default"].values():
        for row in split:
            answer = read(row["generation"])
            if answer is None:
                unread += 1
            else:
                labels[answer["id"]] = answer["label"]
    Path(answers_path).write_text(json.dumps(labels), encoding="utf-8")
    cpu_s = cpu.user + cpu.system + cpu.children_user + cpu.children_system
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_s, "unread": unread}))


def read(text: str | None) -> dict[str, Any] | None:
    """The JSON object of a reply, None where it is none."""
    try:
        found = json.loads(text or "")
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


if __name__ == "__main__":
    main(*sys.argv[1:])
