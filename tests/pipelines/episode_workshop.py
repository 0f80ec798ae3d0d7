"""The two episodes ready to be annotated, a chat server that answers, and the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from pipelines.annotate import main
from schemas import Episode, StageFacts, record_of
from tests.e2e.annotation_server import AnnotationServer, answer
from tests.e2e.workplace import ROOT
from tests.pipelines.stages.diarized import diarized, diarized_folder

IN_FLIGHT = 4
_FASTER = {
    "backend": "openai",
    "model": "mock",
    "backoff_base_s": 0.001,
    "backoff_cap_s": 0.01,
    "max_in_flight": IN_FLIGHT,
    "prices": {
        "date": "2026-01-01",
        "currency": "USD",
        "models": {"mock": {"input_cached": 0.003, "input": 0.15, "output": 0.6}},
    },
}
COST_USD = (900 * 0.003 + 100 * 0.15 + 50 * 0.6) / 1e6  # of a call, as the server counts tokens


class EpisodeServer(AnnotationServer):
    """Answers with ``wrong`` where that has something to say about a question."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: Callable[[dict[str, Any]], object] = lambda question: None
        self.questions: list[dict[str, Any]] = []

    def content(self, question: dict[str, Any]) -> str:
        self.questions.append(question)
        return json.dumps(self.wrong(question) or answer(question), ensure_ascii=False)


class Workshop:
    """The two episodes, one a part, diarized; and the command."""

    def __init__(self, folder: Path, base_url: str, server: EpisodeServer) -> None:
        self.folder, self.base_url, self.server = folder, base_url, server
        self.input = diarized_folder(folder / "diarize", [[diarized(0)], [diarized(1)]])
        self.output = folder / "annotate"
        self.journal = folder / "journals" / "wenetspeech.sqlite"
        self.change({})

    def change(self, changes: dict[str, Any]) -> None:
        """Writes params.yaml with these settings of ``annotate_episodes.openai``."""
        content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        content["root"] = str(self.folder / "data")
        content["journals"] = str(self.journal.parent)
        content["chat"] |= {**_FASTER, "base_url": self.base_url}
        content["annotate_episodes"]["openai"] |= changes
        text = yaml.safe_dump(content, allow_unicode=True)
        (self.folder / "params.yaml").write_text(text, encoding="utf-8")

    def arguments(self, *flags: str) -> list[str]:
        common = ["--source", "wenetspeech", "--params", str(self.folder / "params.yaml")]
        places = ["--input", str(self.input), "--output", str(self.output)]
        return [*common, *places, *flags]

    def run(self, *flags: str) -> int:
        return main(self.arguments(*flags))

    @property
    def facts(self) -> StageFacts:
        return StageFacts.from_json((self.output / "stage.json").read_text(encoding="utf-8"))

    @property
    def used(self) -> dict[str, Any]:
        text = (self.folder / "annotate.run.json").read_text(encoding="utf-8")
        used: dict[str, Any] = json.loads(text)
        return used

    @property
    def episodes(self) -> list[Episode]:
        parts = sorted(self.output.glob("part-*.parquet"))
        return [
            record_of(Episode, row) for part in parts for row in pq.read_table(part).to_pylist()
        ]
