"""Folders as emit leaves them, of real speech: lines of the game sample, and scenes of them."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from manifests.audio import measure
from manifests.scene_cuts import scene_cut_of
from manifests.shards import ShardWriter
from schemas import CharacterProfile, EpisodeScene, Sentence, StageFacts
from tests.manifests.corpus import row, write_shards
from trainer.speech.sound import decode_sound

SAMPLES = Path(__file__).parents[2] / "samples" / "game_voice"


def game_lines(folder: Path, lines: int = 24, shard_size: int = 4) -> list[str]:
    """Shards of the first lines of the sample; gives their ids."""
    rows = []
    for number, path in enumerate(sorted(SAMPLES.glob("*.mp3"))[:lines]):
        audio = path.read_bytes()
        fields = row(
            path.stem,
            audio,
            audio_format="mp3",
            speaker=f"S{number % 3}",
            text=f"line {number}",
            instruction=f"Say it in way {number % 2}.",
        )
        rows.append((fields, audio))
    write_shards(str(folder), rows, shard_size)
    return [fields["id"] for fields, _ in rows]


def scenes(folder: Path, splits: dict[str, int], turns: int = 3) -> None:
    """Scenes of so many turns, so many of them a split; turns overlap by 0.1 s."""
    count = 0
    for split, number in splits.items():
        with ShardWriter(str(folder / split), 0) as writer:
            for _ in range(number):
                scene, audio = _scene(count, split, turns)
                fields = dataclasses.asdict(scene)
                cut = scene_cut_of(fields, audio, measure(audio), "0" * 64, "en")
                writer.write(cut, audio, "flac")
                count += 1
    facts = StageFacts(
        stage="emit",
        source="wenetspeech",
        unit="sentence",
        rows_in=count * turns,
        rows_out=count * turns,
        rejected={},
        hours_in=0.0,
        hours_out=0.0,
        rejected_hours={},
        speakers_in=2,
        speakers_out=2,
        backend=None,
        prompt_sha256={},
        counts={f"scenes.{split}": number for split, number in splits.items()},
    )
    (folder / "stage.json").write_text(facts.to_json())


def _scene(number: int, split: str, turns: int) -> tuple[EpisodeScene, bytes]:
    files = sorted(SAMPLES.glob("*.mp3"))
    sounds = [
        decode_sound(files[(number * turns + turn) % len(files)].read_bytes(), 16000)
        for turn in range(turns)
    ]
    sentences, samples, start = [], np.zeros(0, dtype=np.float32), 100.0
    for turn, sound in enumerate(sounds):
        begin = max(0, len(samples) - 1600)
        samples = np.concatenate([samples[:begin], sound])
        sentences.append(
            Sentence(
                id=f"E_S{number:03d}{turn}",
                start=start + begin / 16000,
                duration=round(len(sound) / 16000, 3),
                text=f"turn {turn} of scene {number}",
                confidence=1.0,
                speaker=f"SPEAKER_0{turn % 2}",
                overlap_ratio=1.0,
                margin=1.0,
                flags=(),
            )
        )
    stream = io.BytesIO()
    soundfile.write(stream, samples, 16000, format="FLAC")
    scene = EpisodeScene(
        id=f"E_scene{number:04d}",
        episode_id="E",
        start=start,
        duration=len(samples) / 16000,
        sentences=tuple(sentences),
        caption="A workshop at night.",
        caption_backend="test",
        source="wenetspeech",
        url="https://example.org/v",
        video_id="v",
        md5="0" * 32,
        licence="test",
        video_uri="v.mp4",
        vocals_uri="v.flac",
        title=None,
        series=None,
        episode=None,
        profiles=tuple(
            CharacterProfile(speaker=f"SPEAKER_0{n}", identity=name, character="calm")
            for n, name in enumerate(("smith", "pilot"))
        ),
        split=split,
        rl=number % 2 == 0,
        style=None,
    )
    return scene, stream.getvalue()


def stage(folder: Path) -> dict[str, Any]:
    """The content of ``stage.json``."""
    found: dict[str, Any] = json.loads((folder / "stage.json").read_text())
    return found
