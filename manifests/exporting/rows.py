"""One cut of a shard -> one row: an utterance, or a scene with its turns.

Both forms have `id, audio, duration, language, licence, source`, so that a filter on licences or
languages needs to know no more. What a corpus does not have is null, never an empty text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from manifests.recorded import RecordedCut, ShardDamaged

_TEXT, _NUMBER = pa.string(), pa.float64()
# As `datasets` writes an Audio feature: it decodes `bytes` by itself.
AUDIO = pa.struct([("bytes", pa.binary()), ("path", _TEXT)])
_COMMON = (
    ("id", _TEXT),
    ("audio", AUDIO),
    ("duration", _NUMBER),  # seconds
    ("sample_rate_hz", pa.int64()),
    ("language", _TEXT),
    ("licence", _TEXT),
    ("source", _TEXT),
    ("audio_sha256", _TEXT),
)
_UTTERANCE_TEXTS = (
    *("text", "speaker", "instruction", "source_id", "value", "instruction_language"),
    *("instruction_origin", "description", "character", "game", "title"),
    *("chat_model", "prompt_name", "reply_sha256"),
)
UTTERANCE = pa.schema(
    [
        *_COMMON,
        *((name, _TEXT) for name in _UTTERANCE_TEXTS),
        ("instruction_default", pa.bool_()),
        ("dnsmos", _NUMBER),
        ("tags", pa.list_(_TEXT)),
        ("labels", pa.list_(pa.struct([("name", _TEXT), ("value", _TEXT)]))),
    ]
)
_TURN = pa.struct(
    [
        *(("id", _TEXT), ("speaker", _TEXT), ("text", _TEXT)),
        *(("start", _NUMBER), ("duration", _NUMBER)),  # seconds from the scene's start
        *(("confidence", _NUMBER), ("overlap_ratio", _NUMBER), ("margin", _NUMBER)),
    ]
)
_PROFILE = pa.struct([("speaker", _TEXT), ("identity", _TEXT), ("character", _TEXT)])
_SCENE_TEXTS = (
    *("caption", "caption_backend", "series", "episode", "title", "style"),
    *("recording_id", "url"),
)
SCENE = pa.schema(
    [
        *_COMMON,
        *((name, _TEXT) for name in _SCENE_TEXTS),
        ("start", _NUMBER),  # seconds from the episode's start
        ("rl", pa.bool_()),
        ("turns", pa.list_(_TURN)),
        ("profiles", pa.list_(_PROFILE)),
    ]
)


@dataclass(frozen=True, slots=True)
class Exported:
    """A row without its audio, and the audio."""

    key: str  # of the cut, safe as a file name
    fields: dict[str, Any]  # of the schema, without `audio`
    audio: bytes
    extension: str


def export_row(cut: RecordedCut, scenes: bool) -> Exported:
    """The row of a cut.

    Raises:
        ShardDamaged: the cut lacks what every emitted cut has.
    """
    try:
        fields = _scene(cut.manifest) if scenes else _utterance(cut.manifest)
    except (KeyError, TypeError, IndexError) as error:
        raise ShardDamaged(
            f"{cut.where}: not a cut of emit: {type(error).__name__}: {error}"
        ) from error
    return Exported(str(cut.manifest["id"]), fields, cut.audio, cut.extension)


def _common(manifest: dict[str, Any], custom: dict[str, Any]) -> dict[str, Any]:
    return {
        "duration": float(manifest["duration"]),
        "sample_rate_hz": int(manifest["recording"]["sampling_rate"]),
        "language": manifest["supervisions"][0].get("language"),
        "licence": custom["licence"],
        "source": custom["source"],
        "audio_sha256": custom["lineage"]["audio_sha256"],
    }


def _utterance(manifest: dict[str, Any]) -> dict[str, Any]:
    (speech,) = manifest["supervisions"]
    custom = speech["custom"]
    known = {**custom, "text": speech["text"], "speaker": speech.get("speaker")}
    labels = custom.get("labels") or {}
    pairs = [
        {"name": name, "value": str(value)}
        for name, values in sorted(labels.items())
        for value in (values if isinstance(values, list) else [values])
    ]
    return {
        "id": speech["id"],
        **_common(manifest, custom),
        **{name: known.get(name) for name in _UTTERANCE_TEXTS},
        "instruction_default": custom.get("instruction_default"),
        "dnsmos": custom.get("dnsmos"),
        "tags": custom.get("tags") or [],
        "labels": pairs,
    }


def _scene(manifest: dict[str, Any]) -> dict[str, Any]:
    custom = manifest["custom"]
    lineage = custom["lineage"]
    return {
        "id": custom["scene"],
        **_common(manifest, custom),
        **{name: custom.get(name) for name in _SCENE_TEXTS},
        "recording_id": lineage["aid"],
        "url": lineage.get("url"),
        "start": float(lineage["start"]),
        "rl": bool(custom["rl"]),
        "turns": [_turn(speech) for speech in manifest["supervisions"]],
        "profiles": [
            {name: one.get(name) for name in ("speaker", "identity", "character")}
            for one in custom["profiles"]
        ],
    }


def _turn(speech: dict[str, Any]) -> dict[str, Any]:
    custom = speech["custom"]
    return {
        "id": speech["id"],
        "speaker": speech.get("speaker"),
        "text": speech["text"],
        "start": float(speech["start"]),
        "duration": float(speech["duration"]),
        **{name: custom.get(name) for name in ("confidence", "overlap_ratio", "margin")},
    }
