"""A small corpus made on the spot: tones as mp3 and wav, and rows of AnnotatedUtterance."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import soundfile

from manifests.audio import measure
from manifests.cuts import cut_of
from manifests.shards import ShardWriter
from manifests.storage import LocalFiles
from schemas import StageFacts
from tests.records import annotated

RATE_HZ = 16000
DEFAULT = "Speak the following text"


def tone(seconds: float, number: int = 0, extension: str = "wav") -> bytes:
    """Encoded audio, another pitch for each number."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    wave = 0.3 * np.sin(2 * np.pi * (200 + 10 * number) * time)
    stream = io.BytesIO()
    soundfile.write(stream, wave, RATE_HZ, format=extension.upper())
    return stream.getvalue()


def row(utterance_id: str, audio: bytes, **changes: object) -> dict[str, Any]:
    """A row as select emits it."""
    fields: dict[str, Any] = {
        "id": utterance_id,
        "duration": measure(audio).duration,
        "audio_member": f"{utterance_id}.wav",
        "audio_size": len(audio),
        "audio_format": "wav",
        "title": None,
        "tags": (),
    }
    return dataclasses.asdict(annotated(**{**fields, **changes}))


UNANNOTATED: dict[str, object] = dict.fromkeys(
    ["instruction", "value", "prompt_name", "prompt_sha256", "chat_model", "reply_sha256"]
)


def write_shards(folder: str, rows: list[tuple[dict[str, Any], bytes]], shard_size: int) -> None:
    """Shards and ``stage.json`` of the rows, as emit leaves them."""
    for index in range(0, len(rows), shard_size):
        with ShardWriter(folder, index // shard_size) as writer:
            for fields, audio in rows[index : index + shard_size]:
                cut = cut_of(fields, audio, measure(audio), DEFAULT)
                writer.write(cut, audio, str(fields["audio_format"]))
    write_facts(folder, len(rows))


def write_facts(folder: str, rows_out: int, stage: str = "emit") -> None:
    """``stage.json``, as far as validation looks at it."""
    facts = StageFacts(
        stage=stage,
        source="emilia",
        unit="utterance",
        rows_in=rows_out,
        rows_out=rows_out,
        rejected={},
        hours_in=0.0,
        hours_out=0.0,
        rejected_hours={},
        speakers_in=1,
        speakers_out=1,
        backend=None,
        prompt_sha256={},
        counts={},
    )
    with LocalFiles().atomic_write(f"{folder}/stage.json") as stream:
        stream.write(facts.to_json().encode())
