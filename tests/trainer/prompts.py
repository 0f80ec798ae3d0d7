"""Folders of prompts without speech, as emit leaves those of S3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manifests.prompt_cuts import PromptShardWriter, prompt_cut
from schemas import StageFacts


def prompt_row(key: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """A row of ``InstructionPrompt`` that was generated."""
    return {
        "id": key,
        "source": "s3",
        "language": "en",
        "instruction": f"In the manner of {key}.",
        "text": f"Words of {key}.",
        "origin": "free",
        "attributes": (),
        "utterance_source": None,
        "utterance_id": None,
        "licence": None,
        "prompt_name": "s3_free/v1",
        "prompt_sha256": "0" * 64,
        "chat_model": "test",
        "reply_sha256": "1" * 64,
    } | changes


def write_prompts(folder: Path, rows: Sequence[dict[str, Any]], shard_size: int = 4) -> Path:
    """A finished folder of these rows; gives the folder back."""
    for index in range(0, len(rows), shard_size):
        with PromptShardWriter(str(folder), index // shard_size) as writer:
            for row in rows[index : index + shard_size]:
                writer.write(prompt_cut(row))
    facts = StageFacts(
        stage="emit",
        source="s3",
        unit="prompt",
        rows_in=len(rows),
        rows_out=len(rows),
        rejected={},
        hours_in=0.0,
        hours_out=0.0,
        rejected_hours={},
        speakers_in=0,
        speakers_out=0,
        backend=None,
        prompt_sha256={},
        counts={},
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stage.json").write_text(facts.to_json())
    return folder


def prompts(folder: Path, number: int, shard_size: int = 4) -> Path:
    """So many prompts of texts of several lengths."""
    rows = [prompt_row(f"p{n:05d}", text="word " * (1 + n % 7)) for n in range(number)]
    return write_prompts(folder, rows, shard_size)
