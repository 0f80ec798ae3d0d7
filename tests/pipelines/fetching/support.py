"""Episodes to fetch, and settings that ask the loopback only and wait for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.fetching.settings import FetchSettings
from schemas.episode import Episode, Sentence

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "samples" / "drama"
VIDEO = SAMPLE / "videos" / "-Kd8wPq3ZtE.mp4"
DURATION = 114.89


def episode(url: str, video_id: str = "-Kd8wPq3ZtE", **fields: Any) -> Episode:  # noqa: ANN401
    sentence = Sentence(
        id=f"Y1_{video_id}_S00001",
        start=1.0,
        duration=2.5,
        text="你怎么才来啊",
        confidence=1.0,
        speaker=None,
        overlap_ratio=None,
        margin=None,
        flags=(),
    )
    known: dict[str, Any] = {
        "id": f"Y1_{video_id}",
        "source": "wenetspeech",
        "url": url,
        "video_id": video_id,
        "md5": "0" * 32,
        "tags": ("drama",),
        "duration": DURATION,
        "audio_path": f"audio/{video_id}.opus",
        "licence": "CC-BY-4.0",
        "sentences": (sentence,),
        "audio_uri": None,
        "video_uri": None,
        "title": None,
        "series": None,
        "episode": None,
        "vocals_uri": None,
        "speech_turns": (),
        "profiles": (),
    }
    return Episode(**{**known, **fields})


def settings(**fields: Any) -> FetchSettings:  # noqa: ANN401
    given: dict[str, Any] = {
        "hosts": ("127.0.0.1",),
        "format": "best",
        "proxy": "",  # whatever the environment says
        "min_interval_s": 0.0,
        "backoff_s": 0.0,
        "attempts": 3,
        "socket_timeout_s": 10.0,
    }
    return FetchSettings(**{**given, **fields})
