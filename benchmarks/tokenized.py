"""A tokenized folder of made-up utterances, for `benchmarks.sampler_resume`."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from manifests.codec import CodecIdentity, write_codec
from manifests.codes import CodeShardWriter
from schemas import StageFacts

CARDINALITY = 512  # of the codebook
SHARD = 1000  # cuts


def write_tokenized(folder: Path, cuts: int) -> None:
    """Writes utterances of 2 to 8 s as shards of codes."""
    chance = random.Random(0)
    generator = np.random.default_rng(0)
    codec = CodecIdentity(
        name="kmeans",
        frame_rate=25.0,
        sample_rate=16000,
        cardinality=CARDINALITY,
        num_codebooks=1,
        fingerprint="0" * 64,
    )
    for first in range(0, cuts, SHARD):
        with CodeShardWriter(str(folder), first // SHARD, keep_audio=False) as writer:
            for number in range(first, min(cuts, first + SHARD)):
                frames = chance.randint(50, 200)
                codes = generator.integers(0, CARDINALITY, frames).astype(np.int16)
                writer.write(_cut(number, frames / codec.frame_rate), [codes], codec.short)
    write_codec(str(folder), codec)
    facts: dict[str, Any] = dict.fromkeys(("hours_in", "hours_out"), 0.0)
    facts |= dict.fromkeys(("rejected", "rejected_hours", "prompt_sha256"), {})
    facts |= dict.fromkeys(("rows_in", "rows_out"), cuts)
    facts |= dict.fromkeys(("speakers_in", "speakers_out"), cuts // 20)
    facts |= {"stage": "tokenize", "source": "made", "unit": "utterance", "backend": codec.short}
    facts |= {"counts": {"cuts": cuts}}
    (folder / "stage.json").write_text(StageFacts(**facts).to_json())


def _cut(number: int, duration: float) -> dict[str, Any]:
    """A cut with about as many fields as emit writes."""
    key = f"EN_B{number // 1000:05d}_S{number // 20:05d}_W{number:06d}"
    custom = {
        "instruction": "Call it like a commentator who can hardly believe what he sees.",
        "instruction_default": False,
        "source": "emilia",
        "source_id": f"EN_B00000_S{number // 20:05d}",
        "licence": "CC-BY-NC-4.0",
        "lineage": {"audio_uri": "EN/EN-B000000.tar", "audio_member": f"{key}.mp3"},
        "value": "high",
        "prompt_sha256": "0" * 64,
        "reply_sha256": "1" * 64,
        "title": "Cup final LIVE commentary: the last ten minutes",
        "tags": ["football", "sports commentary", "live"],
    }
    supervision = {
        "id": key,
        "recording_id": key,
        "start": 0.0,
        "duration": duration,
        "channel": 0,
        "text": "And that is the third goal, would you believe it, from that far out!",
        "language": "en",
        "speaker": f"EN_B00000_S{number // 20:05d}",
        "custom": custom,
    }
    return {
        "id": key,
        "start": 0.0,
        "duration": duration,
        "channel": 0,
        "supervisions": [supervision],
        "recording": None,
        "type": "MonoCut",
    }
