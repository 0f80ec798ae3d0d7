"""Small tables of short clips, and settings for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import soundfile

from trainer.listening.clips import Clip
from trainer.listening.settings import GoldSettings, ListenSettings

RATE_HZ = 16000
SYSTEMS = ("ground_truth", "flexivoice_s2", "cosyvoice2")


def settings(**changes: object) -> ListenSettings:
    content: dict[str, object] = {"raters": 6, "cases": None, "seed": 7, "gold": GoldSettings()}
    return ListenSettings.model_validate(content | changes)


def clip(system: str, case: str, task: str = "to_easy", language: str = "en") -> Clip:
    return Clip(system=system, task=task, language=language, case=case, audio=f"{system}-{case}")


def write_tone(path: Path, pitch_hz: float, seconds: float = 0.3, rate_hz: int = RATE_HZ) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    soundfile.write(path, 0.2 * np.sin(2 * np.pi * pitch_hz * time), rate_hz)


def write_clips(
    folder: Path,
    systems: Iterable[str] = SYSTEMS,
    cases: int = 4,
    tasks: Iterable[str] = ("to_easy",),
    languages: Iterable[str] = ("en",),
    told: Mapping[str, object] | None = None,
) -> Path:
    """`clips.jsonl` with a tone of its own for every row, and what raters are told in all."""
    rows: list[Mapping[str, object]] = []
    for language in languages:
        for task in tasks:
            for case in range(cases):
                for system in systems:
                    audio = f"audio/{system}/{task}-{language}-{case}.wav"
                    write_tone(folder / audio, 200 + 10 * len(rows))
                    row = {"system": system, "task": task, "language": language}
                    rows.append(row | {"case": f"case-{case}", "audio": audio} | dict(told or {}))
    return write_rows(folder / "clips.jsonl", rows)


def write_rows(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path
