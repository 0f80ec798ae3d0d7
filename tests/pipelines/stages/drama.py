"""The two synthetic episodes with their truth, and short ways to make sentences and turns."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.stages.rttm import read_rttm
from schemas.episode import Episode, Scene, Sentence, SpeechTurn

FOLDER = Path(__file__).parents[2] / "golden" / "drama"
EPISODES = ("Y0000000000_-Kd8wPq3ZtE", "Y0000000001_c7_Xm2RvLs0")
_PLAIN: dict[str, Any] = {
    "source": "wenetspeech",
    "tags": ("drama",),
    "duration": 100.0,
    "audio_path": "",
    "licence": "CC-BY-4.0",
    "audio_uri": None,
    "video_uri": None,
    "title": None,
    "episode": None,
    "vocals_uri": None,
    "speech_turns": (),
    "profiles": (),
}


def sentence(start: float, end: float, **changes: Any) -> Sentence:  # noqa: ANN401
    """A sentence of exactly these times."""
    fields: dict[str, Any] = {
        "id": f"S{start:09.3f}",
        "start": start,
        "duration": round(end - start, 6),
        "text": "好",
        "confidence": 1.0,
        "speaker": None,
        "overlap_ratio": None,
        "margin": None,
        "flags": (),
    }
    return Sentence(**fields | changes)


def turn(start: float, end: float, speaker: str) -> SpeechTurn:
    """A speech turn of exactly these times."""
    return SpeechTurn(start=start, duration=round(end - start, 6), speaker=speaker)


def episode(name: str, **changes: Any) -> Episode:  # noqa: ANN401
    """An episode that shares nothing with any other."""
    fields: dict[str, Any] = _PLAIN | {
        "id": name,
        "url": f"https://www.youtube.com/watch?v={name}",
        "video_id": f"video-{name}",
        "md5": f"md5-{name}",
        "series": f"series {name}",
        "sentences": (),
    }
    return Episode(**fields | changes)


def scene(name: str, episode_id: str, turns: int, **changes: Any) -> Scene:  # noqa: ANN401
    """A scene of so many turns."""
    fields: dict[str, Any] = {
        "id": name,
        "episode_id": episode_id,
        "start": 0.0,
        "duration": float(turns),
        "sentences": tuple(sentence(i, i + 1.0) for i in range(turns)),
        "caption": None,
        "caption_backend": None,
    }
    return Scene(**fields | changes)


@cache
def truth(name: str) -> Any:  # noqa: ANN401
    """A JSON file of the truth."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def drama_sentences(aid: str) -> list[Sentence]:
    """The sentences as WenetSpeech ships them."""
    return [
        sentence(
            one["begin_time"],
            one["end_time"],
            # Not rounded: what a reader gets by subtracting.
            duration=one["end_time"] - one["begin_time"],
            id=one["sid"],
            text=one["text"],
            confidence=one["confidence"],
        )
        for one in truth("sentences.json")[aid]["segments"]
    ]


def drama_turns(aid: str) -> tuple[SpeechTurn, ...]:
    """Who really speaks when."""
    path = FOLDER / f"{aid}.rttm"
    return read_rttm(path.read_text(encoding="utf-8"), path.name)[aid]
