"""A tiny NVSpeech: transcripts with tags, in JSON lines or beside the clips."""

from __future__ import annotations

import json
from pathlib import Path

from tests.pipelines.sources.labelled.tones import tone, write_wav

TEXTS = (
    "你真的[Question-oh]，太好笑了[Laughter]",
    "[Breathing]我们走吧[Sigh]",
    "今天没有什么特别的事",
    "[Laughter]哈哈[Laughter]真有你的",
    "[Uhm]这个嘛",
)
TAGS = {  # tag -> how often
    "[Laughter]": 3,
    "[Breathing]": 1,
    "[Question-oh]": 1,
    "[Sigh]": 1,
    "[Uhm]": 1,
}


def write_nvspeech(folder: Path, *, form: str = "jsonl") -> Path:
    """NVSpeech in ``folder/NVSpeech``: five utterances.

    Args:
        folder: where to.
        form: jsonl, clips (with texts beside them) or json (with objects beside them).
    """
    root = folder / "NVSpeech"
    rows = []
    for number, text in enumerate(TEXTS):
        clip = root / "webdataset-000000" / f"000000_{number:06d}.wav"
        write_wav(clip, tone("nv", sentence=number))
        if form == "clips":
            clip.with_suffix(".txt").write_text(text, encoding="utf-8")
        elif form == "json":
            told = {"text": text, "speaker": f"S{number}", "duration": 0.8}
            clip.with_suffix(".json").write_text(json.dumps(told), encoding="utf-8")
        else:
            row = {"audio": clip.relative_to(root).as_posix(), "text": text}
            rows.append(json.dumps(row, ensure_ascii=False))
    if rows:
        (root / "train.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root
