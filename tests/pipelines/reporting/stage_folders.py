"""Stage folders as the real stages leave them: the project's own writer, facts and checks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines import files
from pipelines.stage import Block, Stage
from pipelines.stage_run import stage_facts
from pipelines.writer import PartWriter
from schemas import (
    AnnotatedUtterance,
    Reason,
    Rejection,
    StageFacts,
    Utterance,
    arrow_schema,
    table_of,
)
from tests import records


class _Written(Stage[object, Sequence[object]]):
    """A stage whose work is done already; only its bookkeeping is used."""

    name = "written"
    record_type = Utterance

    def __init__(self, written: WrittenStage, source: str) -> None:
        super().__init__(source)
        self.name = written.verb  # type: ignore[misc]  # a class attribute for real stages
        self._written = written

    @property
    def backend(self) -> str | None:
        return self._written.backend

    @property
    def prompts(self) -> dict[str, str]:
        return dict(self._written.prompts)

    def read(self, element: object) -> Iterator[Sequence[object]]:
        raise NotImplementedError

    def transform(self, chunk: Sequence[object]) -> Block:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class WrittenStage:
    """What a stage is to have left behind."""

    verb: str
    rows: Sequence[Utterance] = ()
    rejections: Sequence[Rejection] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    run: Mapping[str, float] = field(default_factory=dict)
    backend: str | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)

    def write(self, root: Path, source: str) -> StageFacts:
        """Writes ``<root>/<source>/<verb>`` in parts of at most 50 rows."""
        folder = files.join(str(root), source, self.verb)
        record_type: type = type(self.rows[0]) if self.rows else Utterance
        stage = _Written(self, source)
        table: pa.Table = table_of(record_type, self.rows)
        block = Block(rows=table, rejections=self.rejections, counts=Counter(self.counts))
        everything = [*self.rows, *self.rejections]
        with PartWriter(folder, 0, arrow_schema(record_type), 50) as writer:
            writer.write(table, list(self.rejections))
        facts = stage_facts(stage, stage.account(everything, block))
        files.write_text(files.join(folder, "stage.json"), facts.to_json())
        if self.run:
            files.write_text(folder + ".run.json", json.dumps(self.run, indent=2) + "\n")
        return facts


def utterance(number: int, **changes: Any) -> Utterance:  # noqa: ANN401
    """One utterance of two seconds, three a speaker."""
    return records.utterance(**{**_numbered(number), **changes})


def annotated(number: int, **changes: Any) -> AnnotatedUtterance:  # noqa: ANN401
    """One annotated utterance of two seconds, three a speaker."""
    return records.annotated(**{**_numbered(number), **changes})


def rejection(number: int, stage: str, reason: Reason, **changes: Any) -> Rejection:  # noqa: ANN401
    """One rejection of two seconds."""
    content: dict[str, Any] = {
        "record_id": f"EN_{number:05d}",
        "stage": stage,
        "reason": reason,
        "detail": f"what was found in row {number}",
        "location": f"EN-B000000.tar:EN_{number:05d}.json",
        "duration": 2.0,
    }
    return Rejection(**{**content, **changes})


def whole_corpus(root: Path, source: str = "emilia") -> None:
    """Twenty rows in; ingest rejects four, annotate two, select four; ten are emitted."""
    values = ["high", "medium", "low", "high"]
    rows = [annotated(number, value=values[number % 4]) for number in range(16)]
    poor = [row for row in rows[:14] if row.value == "low"]
    kept = [row for row in rows[:14] if row.value != "low"][:10]
    stages = [
        WrittenStage(
            verb="ingest",
            rows=[utterance(number) for number in range(16)],
            rejections=[
                rejection(90, "ingest", Reason.AUDIO_MISSING, duration=None),
                rejection(91, "ingest", Reason.AUDIO_TRUNCATED),
                rejection(92, "ingest", Reason.AUDIO_TRUNCATED),
                rejection(93, "ingest", Reason.DUPLICATE_ID, duration=1.0),
            ],
            run={"seconds": 2.5, "peak_rss_bytes": 300 * 2**20},
        ),
        WrittenStage(
            verb="annotate",
            rows=rows[:14],
            rejections=[rejection(number, "annotate", Reason.DEAD_LETTER) for number in (14, 15)],
            counts={"value.high": 7, "value.medium": 4, "value.low": 3},
            run={
                "seconds": 75.0,
                "calls": 12,
                "cached_calls": 4,
                "prompt_tokens": 8000,
                "cached_prompt_tokens": 6000,
                "completion_tokens": 500,
                "cost_pico_usd": 1_500_000_000,
                "saved_pico_usd": 800_000_000,
                "invalid_replies": 2,
            },
            backend="embedded:smollm2-360m",
            prompts={"emilia_style/v1": "ab" * 32},
        ),
        WrittenStage(
            verb="select",
            rows=kept,
            rejections=[
                *(rejection(0, "select", Reason.VALUE_NOT_KEPT, record_id=p.id) for p in poor),
                rejection(13, "select", Reason.NAME_LEAKED),
            ],
            counts={
                "value_in.high": 7,
                "value_in.medium": 4,
                "value_in.low": 3,
                "value_out.high": 7,
                "value_out.medium": 3,
            },
            run={"seconds": 0.5},
        ),
        WrittenStage(verb="emit", rows=kept),
    ]
    for stage in stages:
        stage.write(root, source)


def _numbered(number: int) -> dict[str, Any]:
    return {
        "id": f"EN_{number:05d}",
        "source_id": f"S{number // 3:05d}",
        "speaker": f"speaker-{number // 3}",
        "text": f"Sentence number {number}.",
        "duration": 2.0,
        "audio_uri": "EN-B000000.tar",
        "audio_size": 24_000_000,  # too big for a page
    }
