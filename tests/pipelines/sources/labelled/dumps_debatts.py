"""A tiny Debatts-Data: JSON lines on the clips, or a folder a speaker with texts beside them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.pipelines.sources.labelled.tones import tone, write_wav

SPEAKERS = ("S01", "S02")
TEXTS = (
    "对方辩友刚才回避了我的问题。",
    "请问，难道效率就不重要吗？",
    "我方认为，这恰恰说明了代价。",
)


def write_debatts(folder: Path, *, form: str = "jsonl") -> Path:
    """Debatts-Data in ``folder/Debatts-Data``: six utterances of two debaters.

    Args:
        folder: where to.
        form: jsonl or clips.
    """
    root = folder / "Debatts-Data"
    rows = []
    for speaker in SPEAKERS:
        for number, text in enumerate(TEXTS):
            clip = root / speaker / f"{speaker}_{number:04d}.wav"
            write_wav(clip, tone(speaker, sentence=number))
            if form == "clips":
                clip.with_suffix(".txt").write_text(text, encoding="utf-8")
                continue
            path = clip.relative_to(root).as_posix()
            row = {"wav_path": path, "text": text, "speaker_id": speaker, "language": "zh"}
            rows.append(json.dumps(row, ensure_ascii=False))
    if rows:
        (root / "summary.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root
