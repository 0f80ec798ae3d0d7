"""Corpora of captioned scenes: the two drama episodes, and one made up that is big enough to split.

Vocals are noise of a fixed seed, another for each recording: every stretch of them is like no
other, so a test can tell whether a shard holds the right samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import soundfile

from pipelines.stages.scenes import cut_scenes
from schemas import CharacterProfile, EpisodeScene, Sentence, StageFacts, table_of
from tests.pipelines.stages.drama import EPISODES, drama_sentences, truth
from tests.pipelines.stages.test_near_duplicates import made_up

RATE_HZ = 8000
Recording = tuple[EpisodeScene, ...]


def line(number: int, start: float, end: float, **changes: Any) -> Sentence:  # noqa: ANN401
    """A sentence that every filter keeps; two speakers take turns."""
    fields: dict[str, Any] = {
        "id": f"S{number:05d}",
        "start": start,
        "duration": round(end - start, 6),
        "text": "你说什么租店面的钱是哪儿来的",
        "confidence": 1.0,
        "speaker": f"SPEAKER_{number % 2:02d}",
        "overlap_ratio": 0.9,
        "margin": 0.9,
        "flags": (),
    }
    return Sentence(**fields | changes)


def scene_of(
    name: str,
    number: int,
    sentences: Sequence[Sentence],
    **changes: Any,  # noqa: ANN401
) -> EpisodeScene:
    """A captioned scene of a recording that shares nothing with any other."""
    end = max(one.start + one.duration for one in sentences)
    fields: dict[str, Any] = {
        "id": f"{name}_scene{number:04d}",
        "episode_id": name,
        "start": sentences[0].start,
        "duration": round(end - sentences[0].start, 6),
        "sentences": tuple(sentences),
        "caption": "A warm kitchen at dusk.",
        "caption_backend": "test",
        "source": "wenetspeech",
        "url": f"https://www.youtube.com/watch?v={name}",
        "video_id": f"video-{name}",
        "md5": f"md5-{name}",
        "licence": "CC-BY-4.0",
        "video_uri": f"videos/{name}.mp4",
        "vocals_uri": f"vocals/{name}.flac",
        "title": f"Title of {name}",
        "series": f"series {name}",
        "episode": "1",
        "profiles": tuple(
            CharacterProfile(speaker=label, identity=f"{label} of {name}", character="calm")
            for label in sorted({one.speaker for one in sentences if one.speaker})
        ),
        "split": None,
        "rl": None,
        "style": None,
    }
    return EpisodeScene(**fields | changes)


def made_up_recording(index: int, vocals: Path | None = None) -> Recording:
    """Five scenes of 2 to 6 turns of 14 characters each, four seconds a turn."""
    name = f"R{index:03d}"
    text = made_up(index, 5000)
    scenes = []
    at, number = 1.0, 0
    for turns in range(2, 7):
        sentences = []
        for _ in range(turns):
            words = text[number * 14 : number * 14 + 14]
            sid = f"{name}_S{number:05d}"
            sentences.append(line(number, at, at + 3.0, id=sid, text=words))
            at, number = at + 4.0, number + 1
        uri = {} if vocals is None else {"vocals_uri": str(vocals / f"{name}.flac")}
        scenes.append(scene_of(name, turns - 2, sentences, **uri))
        at += 6.0
    return tuple(scenes)


def drama_recordings(vocals: Path) -> list[Recording]:
    """The scenes of the two drama episodes as the truth has their speakers."""
    found = []
    for name in EPISODES:
        facts = truth("sentences.json")[name]
        labels = {
            voice: f"SPEAKER_{n:02d}"
            for n, voice in enumerate(dict.fromkeys(facts["speakers"].values()))
        }
        sentences = [
            replace(
                one,
                speaker=labels[facts["speakers"][one.id]],
                overlap_ratio=0.9,
                margin=0.9,
            )
            for one in drama_sentences(name)
        ]
        found.append(
            tuple(
                scene_of(
                    name,
                    number,
                    scene.sentences,
                    url=facts["url"],
                    video_id=facts["url"].split("=")[1],
                    md5=facts["md5"],
                    series="春风小巷",
                    vocals_uri=str(vocals / f"{name}.flac"),
                )
                for number, scene in enumerate(cut_scenes(name, sentences))
            )
        )
    return found


def write_vocals(recordings: Sequence[Recording], seconds: float | None = None) -> None:
    """A file of noise for every recording, as long as its scenes unless told."""
    for index, scenes in enumerate(recordings):
        path = Path(scenes[0].vocals_uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        end = max(one.start + one.duration for one in scenes) if seconds is None else seconds
        chance = np.random.default_rng(index)
        noise = chance.integers(-9000, 9000, int(end * RATE_HZ) + 1, dtype=np.int16)
        soundfile.write(path, noise, RATE_HZ, subtype="PCM_16")


def write_stage(folder: Path, parts: Sequence[Sequence[Recording]], stage: str = "caption") -> str:
    """The recordings as the finished output of a stage; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for index, recordings in enumerate(parts):
        scenes = [scene for recording in recordings for scene in recording]
        pq.write_table(table_of(EpisodeScene, scenes), folder / f"part-{index:05d}.parquet")
        total += sum(len(scene.sentences) for scene in scenes)
    facts = StageFacts(
        stage=stage,
        source="wenetspeech",
        unit="sentence",
        rows_in=total,
        rows_out=total,
        rejected={},
        hours_in=0.0,
        hours_out=0.0,
        rejected_hours={},
        speakers_in=0,
        speakers_out=0,
        backend=None,
        prompt_sha256={},
        counts={},
    )
    (folder / "stage.json").write_text(facts.to_json(), encoding="utf-8")
    return str(folder)
