"""bespokelabs-curator over the same rows: ``curator_rows.py TASK ANSWERS STATE``.

An ``LLM`` with a response format, its cache on as it is by default, in STATE; the limits of its own
rate limiter out of the way, as many requests at once as the task says.
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
    os.environ["CURATOR_CACHE_DIR"] = state
    os.environ["HF_HOME"] = str(Path(state, "huggingface"))
    import litellm  # type: ignore[import-not-found]  # brings the tokenizer, and where it is
    from bespokelabs import curator  # type: ignore[import-not-found]
    from datasets import Dataset
    from pydantic import BaseModel

    assert litellm.encoding  # loads it, from the package

    class Label(BaseModel):
        id: str
        label: str
        score: float

    class Labeller(curator.LLM):  # type: ignore[misc]
        def prompt(self, input: dict[str, Any]) -> str:
            return str(input["question"])

        def parse(self, input: dict[str, Any], response: Label) -> dict[str, str]:
            return {"id": response.id, "label": response.label}

    task = json.loads(Path(task_path).read_text(encoding="utf-8"))
    wall, cpu = time.perf_counter(), time.process_time()
    rows = Dataset.from_list([{"question": question} for question in task["questions"]])
    labeller = Labeller(
        model_name="mock",
        backend="openai",
        response_format=Label,
        system_prompt=task["system"],
        generation_params={"temperature": 1.0, "max_tokens": 4096},
        backend_params={
            "base_url": task["base_url"],
            "api_key": "sk-mock",
            "max_concurrent_requests": task["in_flight"],
            "max_requests_per_minute": 1_000_000,
            "max_tokens_per_minute": 10_000_000_000,
            "require_all_responses": False,  # or one bad row fails the run, after all is paid
        },
    )
    found = labeller(rows).dataset
    labels = {row["id"]: row["label"] for row in found}
    seconds, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    Path(answers_path).write_text(json.dumps(labels), encoding="utf-8")
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main(*sys.argv[1:])
