"""A few scenes of a role-play corpus to read and to hear: bounded, the same ones every time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.reporting.parts import spread
from pipelines.reporting.sound import Sound, SoundBudget
from pipelines.stage import StageOutput, read_part
from schemas import EpisodeScene, Sentence, record_of

LOOKED_AT = 400  # scenes from the start of some parts
PARTS = 4
UNSURE_MARGIN = 0.5  # a speaker less ahead of the runner-up than this is marked


@dataclass(frozen=True, kw_only=True)
class SceneTurn:
    """One turn as a person reads it."""

    speaker: str
    text: str
    start: float  # seconds from the start of the scene
    end: float
    share: float | None  # of the turn that its speaker speaks, 0-1
    margin: float | None  # how far that is ahead of the runner-up's
    confidence: float  # of the transcript, 0-1
    flags: tuple[str, ...]  # how the speaker was assigned, where not plainly

    @property
    def doubt(self) -> str | None:
        """Flags and a margin below one half; None where the speaker is clear."""
        unsure = self.margin is not None and self.margin < UNSURE_MARGIN
        reasons = [*self.flags, *([f"margin {self.margin:.2f}"] if unsure else [])]
        return ", ".join(reasons) or None


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """A speaker of a scene, and who that is in the story where it is known."""

    name: str  # diarization label
    number: int  # in the order in which they speak, from 0
    identity: str | None
    character: str | None


@dataclass(frozen=True, kw_only=True)
class SceneExample:
    """One scene. All text is the outside world's: hostile."""

    id: str
    place: str  # series, episode
    seconds: float
    start: float  # seconds from the start of the recording
    caption: str | None
    caption_backend: str | None
    speakers: tuple[Speaker, ...]
    turns: tuple[SceneTurn, ...]
    split: str | None
    style: str | None
    sound: Sound | None
    no_sound: str | None  # why there is none, where it should be there

    @property
    def numbers(self) -> dict[str, int]:
        """Speaker -> number."""
        return {one.name: one.number for one in self.speakers}


def read_scenes(
    outputs: Sequence[StageOutput], budget: SoundBudget, number: int
) -> tuple[str | None, tuple[SceneExample, ...]]:
    """The stage whose scenes are shown, the latest that has any, and the scenes."""
    for output in reversed(outputs):
        if output.facts.stage not in ("cut_scenes", "caption", "select"):
            continue
        rows: list[dict[str, Any]] = []
        for part in spread(output.parts, PARTS):
            for table in read_part(part, limit=LOOKED_AT // PARTS):
                rows += table.to_pylist()
        chosen = choose_scenes([record_of(EpisodeScene, row) for row in rows], number)
        if chosen:
            return output.facts.stage, tuple(_example(scene, budget) for scene in chosen)
    return None, ()


def choose_scenes(scenes: Sequence[EpisodeScene], number: int) -> list[EpisodeScene]:
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


def _example(scene: EpisodeScene, budget: SoundBudget) -> SceneExample:
    sound, no_sound = budget.load_span(scene.vocals_uri, scene.start, scene.duration)
    turns = tuple(_turn(one, scene.start) for one in scene.sentences)
    profiles = {one.speaker: one for one in scene.profiles}
    return SceneExample(
        id=scene.id,
        place=" · ".join(
            text for text in (scene.series or "series not known", scene.episode) if text
        ),
        seconds=scene.duration,
        start=scene.start,
        caption=scene.caption,
        caption_backend=scene.caption_backend,
        speakers=tuple(
            Speaker(
                name=name,
                number=number,
                identity=profiles[name].identity if name in profiles else None,
                character=profiles[name].character if name in profiles else None,
            )
            for number, name in enumerate(dict.fromkeys(turn.speaker for turn in turns))
        ),
        turns=turns,
        split=scene.split,
        style=scene.style,
        sound=sound,
        no_sound=no_sound,
    )


def _turn(sentence: Sentence, scene_start: float) -> SceneTurn:
    start = max(sentence.start - scene_start, 0.0)
    return SceneTurn(
        speaker=sentence.speaker or "nobody",
        text=sentence.text,
        start=round(start, 3),
        end=round(start + sentence.duration, 3),
        share=sentence.overlap_ratio,
        margin=sentence.margin,
        confidence=sentence.confidence,
        flags=sentence.flags,
    )
