"""A few scenes of a role-play corpus to read and to hear: bounded, the same ones every time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.reporting.sound import Sound
from pipelines.stage import StageOutput, read_part
from schemas import EpisodeScene, record_of

SCENES = 4  # shown
LOOKED_AT = 400  # scenes from the start of the first parts
PARTS = 4
PAGE_BYTES = 600_000  # of encoded sound: 0.8 MB as base64


@dataclass(frozen=True, kw_only=True)
class SceneTurn:
    """One turn as a person reads it."""

    speaker: str
    text: str
    doubt: str | None  # flags and a margin below one half; None where the speaker is clear


@dataclass(frozen=True, kw_only=True)
class SceneExample:
    """One scene. All text is the outside world's: hostile."""

    id: str
    place: str  # series, episode
    seconds: float
    start: float  # seconds from the start of the recording
    caption: str | None
    caption_backend: str | None
    profiles: tuple[tuple[str, str], ...]  # speaker, identity and character
    turns: tuple[SceneTurn, ...]
    split: str | None
    sound: Sound | None
    no_sound: str | None  # why there is none, where it should be there


def read_scenes(outputs: Sequence[StageOutput]) -> tuple[str | None, tuple[SceneExample, ...]]:
    """The stage whose scenes are shown, the latest that has any, and the scenes."""
    for output in reversed(outputs):
        if output.facts.stage not in ("cut_scenes", "caption", "select"):
            continue
        rows: list[dict[str, Any]] = []
        for part in output.parts[:PARTS]:
            for table in read_part(part, limit=LOOKED_AT // PARTS):
                rows += table.to_pylist()
        chosen = choose_scenes([record_of(EpisodeScene, row) for row in rows])
        if chosen:
            budget = PAGE_BYTES
            examples = []
            for scene in chosen:
                example = _example(scene, budget)
                budget -= len(example.sound.content) if example.sound else 0
                examples.append(example)
            return output.facts.stage, tuple(examples)
    return None, ()


def choose_scenes(scenes: Sequence[EpisodeScene], number: int = SCENES) -> list[EpisodeScene]:
    """Scenes with the most speakers of different episodes in turn; ties go to the earlier one."""
    left = list(scenes)
    chosen: list[EpisodeScene] = []
    while left and len(chosen) < number:
        used = [scene.episode_id for scene in chosen]
        ranks = [
            (used.count(scene.episode_id), -len({one.speaker for one in scene.sentences}))
            for scene in left
        ]
        chosen.append(left.pop(ranks.index(min(ranks))))
    return chosen


def _example(scene: EpisodeScene, budget: int) -> SceneExample:
    sound, no_sound = _sound(scene, budget)
    return SceneExample(
        id=scene.id,
        place=" · ".join(
            text for text in (scene.series or "series not known", scene.episode) if text
        ),
        seconds=scene.duration,
        start=scene.start,
        caption=scene.caption,
        caption_backend=scene.caption_backend,
        profiles=tuple((one.speaker, f"{one.identity}: {one.character}") for one in scene.profiles),
        turns=tuple(
            SceneTurn(
                speaker=turn.speaker or "nobody",
                text=turn.text,
                doubt=_doubt(turn.flags, turn.margin),
            )
            for turn in scene.sentences
        ),
        split=scene.split,
        sound=sound,
        no_sound=no_sound,
    )


def _doubt(flags: Sequence[str], margin: float | None) -> str | None:
    reasons = [*flags, *([f"margin {margin:.2f}"] if margin is not None and margin < 0.5 else [])]
    return ", ".join(reasons) or None


def _sound(scene: EpisodeScene, budget: int) -> tuple[Sound | None, str | None]:
    import soundfile

    try:
        with soundfile.SoundFile(scene.vocals_uri) as vocals:
            rate = vocals.samplerate
            vocals.seek(min(round(scene.start * rate), vocals.frames))
            samples = vocals.read(round(scene.duration * rate), dtype="float32")
    except (soundfile.SoundFileError, OSError) as error:
        # A report is read where the results are not: worth a word, not a failed report.
        return None, str(error)
    if not len(samples):
        return None, f"{scene.vocals_uri} ends before the scene"
    encoded = io.BytesIO()
    soundfile.write(encoded, samples, rate, format="MP3")
    content = encoded.getvalue()
    if len(content) > budget:
        return None, None
    return Sound(media_type="audio/mpeg", content=content), None
