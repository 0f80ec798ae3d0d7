"""A tiny ParaSpeechCaps: rows on the audio of four other corpora, each with a root of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.pipelines.sources.labelled.tones import tone, write_wav

SOURCES = ("voxceleb", "expresso", "ears", "emilia")
CLIPS = {  # source -> relative_audio_path
    "voxceleb": "voxceleb1/dev/wav/id10001/utrA-v8pPm4/00001_voicefixer.wav",
    "expresso": "audio_48khz/read/ex01/happy/base/ex01_happy_00001.wav",
    "ears": "p001/emo_anger_sentences.wav",
    "emilia": "EN/EN_B00000/EN_B00000_S00000/mp3/EN_B00000_S00000_W000001.wav",
}
_TEXTS, _TEXT, _NUMBER = pa.list_(pa.string()), pa.string(), pa.float64()
SCHEMA = pa.schema(
    [
        ("source", _TEXT),
        ("relative_audio_path", _TEXT),
        ("text_description", _TEXTS),
        ("transcription", _TEXT),
        ("intrinsic_tags", _TEXTS),
        ("situational_tags", _TEXTS),
        ("basic_tags", _TEXTS),
        ("all_tags", _TEXTS),
        ("speakerid", _TEXT),
        ("name", _TEXT),
        ("duration", _NUMBER),
        ("gender", _TEXT),
        ("accent", _TEXT),
        ("pitch", _TEXT),
        ("speaking_rate", _TEXT),
        ("noise", _TEXT),
        ("utterance_pitch_mean", _NUMBER),
        ("snr", _NUMBER),
        ("phonemes", _TEXT),
    ]
)


def caption(source: str, /, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """One row as the corpus has it; its audio is that of the source."""
    row = {
        "source": source,
        "relative_audio_path": CLIPS[source],
        "text_description": [f"A man of {source} speaks in a deep voice."],
        "transcription": f"Is it over already, {source}?",
        "intrinsic_tags": ["deep", "flowing"],
        "situational_tags": None,
        "basic_tags": ["male", "measured speed"],
        "all_tags": ["deep", "flowing", "male", "measured speed"],
        "speakerid": f"{source}_speaker",
        "name": "Somebody",
        "duration": 0.8,
        "gender": "male",
        "accent": "American",
        "pitch": "low-pitched",
        "speaking_rate": "measured speed",
        "noise": "very clean environment",
        "utterance_pitch_mean": 101.25,
        "snr": 61.5,
        "phonemes": "ɪz ɪt",
    }
    return {**row, **changes}


ROWS: dict[str, list[dict[str, Any]]] = {  # split -> rows
    "train_base": [
        caption("voxceleb", accent=None),
        caption(
            "expresso",
            text_description=["A man speaks happily.", "A flowing, happy male voice."],
            situational_tags=["happy"],
        ),
        caption("ears", intrinsic_tags=None, situational_tags=["angry"]),
    ],
    "train_scaled": [caption("emilia", gender="female")],
    "dev": [caption("ears", transcription="Never heard in training.")],
}


def roots(folder: Path) -> dict[str, str]:
    """The setting for a dump in this folder."""
    return {source: str(folder / "audio" / source) for source in SOURCES}


def write_paraspeechcaps(folder: Path, *, form: str = "parquet") -> Path:
    """ParaSpeechCaps in ``folder/ParaSpeechCaps/data``, audio in ``folder/audio/<source>``.

    Args:
        folder: of it all.
        form: parquet or jsonl.
    """
    for source, clip in CLIPS.items():
        write_wav(folder / "audio" / source / clip, tone(source))
    data = folder / "ParaSpeechCaps" / "data"
    for split, rows in ROWS.items():
        write_rows(data / f"{split}-00000-of-00001.{form}", rows)
    return data.parent


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a file of either form; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), path)
    else:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        path.write_text("".join(lines), encoding="utf-8")
