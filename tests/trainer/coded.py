"""Folders as `trainer.tokenize` leaves them, made on the spot: codes without audio."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from manifests.codec import CodecIdentity, write_codec
from manifests.codes import CodeShardWriter
from schemas import StageFacts
from tests.trainer.layouts import CODES

CODEC = CodecIdentity(
    name="kmeans",
    frame_rate=25.0,
    sample_rate=16000,
    cardinality=CODES,
    num_codebooks=1,
    fingerprint="ab" * 32,
)


def utterance(key: str, frames: int = 5, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A cut of one turn with codes drawn by its id; `more` are custom fields."""
    return scene(key, [frames], turn_fields=[more])


def scene(
    key: str,
    frames: Sequence[int],
    *,
    turn_fields: Sequence[dict[str, Any]] | None = None,
    **custom: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """A cut of several turns by two speakers; what `turn_fields` name goes into the turn."""
    chance = random.Random(key)
    turns = []
    for number, count in enumerate(frames):
        fields = dict(turn_fields[number]) if turn_fields else {}
        alone = len(frames) == 1
        turns.append(
            {
                "id": key if alone else f"{key}-{number}",
                "recording_id": key,
                "start": 0.04 * sum(frames[:number]),
                "duration": 0.04 * count,
                "channel": 0,
                "text": fields.pop("text", f"{key} {number}"),
                "speaker": fields.pop("speaker", f"S{number % 2}"),
                "language": "en",
                "custom": fields,
            }
        )
    return {
        "cut": {
            "id": key,
            "start": 0.0,
            "duration": 0.04 * sum(frames),
            "channel": 0,
            "supervisions": turns,
            "recording": {"id": key},
            "custom": dict(custom),
            "type": "MonoCut",
        },
        "codes": [[chance.randrange(CODES) for _ in range(count)] for count in frames],
    }


def write(
    folder: Path,
    cuts: Sequence[dict[str, Any]],
    shard_size: int = 4,
    codec: CodecIdentity = CODEC,
) -> Path:
    """A finished folder of these cuts; gives the folder back."""
    for index in range(0, len(cuts), shard_size):
        with CodeShardWriter(str(folder), index // shard_size, keep_audio=False) as writer:
            for one in cuts[index : index + shard_size]:
                turns = [np.array(codes, dtype=np.int16) for codes in one["codes"]]
                writer.write(one["cut"], turns, codec.short)
    write_codec(str(folder), codec)
    turns_out = sum(len(one["codes"]) for one in cuts)
    facts = StageFacts(
        stage="tokenize",
        source="test",
        unit="utterance",
        rows_in=turns_out,
        rows_out=turns_out,
        rejected={},
        hours_in=0.0,
        hours_out=0.0,
        rejected_hours={},
        speakers_in=2,
        speakers_out=2,
        backend=codec.short,
        prompt_sha256={},
        counts={"cuts": len(cuts)},
    )
    (folder / "stage.json").write_text(facts.to_json())
    return folder


def utterances(folder: Path, number: int, shard_size: int = 4) -> Path:
    """A folder of utterances by three speakers, of 1 to 60 codes."""
    cuts = [
        utterance(
            f"u{n:05d}",
            1 + n * 7 % 60,
            speaker=f"S{n % 3}",
            instruction=f"In way {n % 5}.",
            instruction_default=False,
        )
        for n in range(number)
    ]
    return write(folder, cuts, shard_size)
