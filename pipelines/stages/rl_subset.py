"""Scenes of the training side -> the scenes that reinforcement learning uses (MCLP 5.3).

"1) dialogue length is restricted to 2-6 turns; 2) the text transcription of the final turn must
exceed 10 Chinese characters; 3) an internal style classification model to filter out 'Neutral'
speech." Only the final turn is synthesised in that stage (MCLP 4.3): only its style is asked for.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, NamedTuple, Protocol, TypeVar

from pydantic import Field, model_validator

from pipelines.stages.settings import Count, Strict
from schemas.episode import Scene

# The ideographs of the Unicode script Han: the unified blocks with all extensions (planes 2 and 3
# hold nothing else), the compatibility block, and 々 and 〇, which are written for a character.
_HAN = re.compile("[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]")

SceneT = TypeVar("SceneT", bound=Scene)
HeardT = TypeVar("HeardT", bound=Scene, contravariant=True)


class RlReason(enum.StrEnum):
    """Why a scene is not in the RL subset."""

    TURNS_TOO_FEW = "turns_too_few"
    TURNS_TOO_MANY = "turns_too_many"
    LAST_TURN_SHORT = "last_turn_short"  # too few Chinese characters
    STYLE_UNHEARD = "style_unheard"  # the style classifier could not hear the last turn
    STYLE_NEUTRAL = "style_neutral"  # the style classifier heard nothing but neutral speech


class RlSettings(Strict):
    """Limits of the RL subset, all from MCLP 5.3."""

    min_turns: Count = 2  # inclusive
    max_turns: Count = 6  # inclusive
    min_characters: Annotated[int, Field(ge=0)] = 10  # the last turn must have more (`>`)
    neutral_label: str = "neutral"  # of the style classifier; compared without case

    @model_validator(mode="after")
    def _turns_in_order(self) -> RlSettings:
        if self.min_turns > self.max_turns:
            raise ValueError("min_turns is more than max_turns")
        return self


class StyleClassifier(Protocol[HeardT]):
    """Says in which style the last turn of each scene is spoken."""

    def __call__(self, scenes: Sequence[HeardT], /) -> Sequence[str | None]:
        """One style label for each scene, in order; None where there is nothing to hear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RlRejection:
    """One scene that is not in the RL subset."""

    scene_id: str
    reason: RlReason
    detail: str  # what exactly was found
    turns: int
    duration: float  # seconds


class RlSubset(NamedTuple, Generic[SceneT]):
    """What the rules made of some scenes."""

    kept: list[SceneT]  # in order
    rejected: list[RlRejection]  # in order, each with the first reason that holds
    styles: dict[str, str]  # scene id -> label, of the scenes that were listened to


def select_rl_scenes(
    scenes: Sequence[SceneT],
    classifier: StyleClassifier[SceneT] | None,
    settings: RlSettings | None = None,
) -> RlSubset[SceneT]:
    """The scenes to keep and the others.

    The reasons are tried in the order of `RlReason`; the classifier, which may be slow, is called
    once, with the scenes that all other rules keep, and not at all where there are none.

    Args:
        scenes: of the training side.
        classifier: of styles; None leaves the style out of account.
        settings: the limits.

    Raises:
        ValueError: the classifier does not return one label for each scene.

    >>> from schemas.episode import Sentence
    >>> turns = [Sentence(id=str(at), start=at, duration=2.0, text="你说什么租店面的钱是哪儿来的",
    ...                   confidence=1.0, speaker="A", overlap_ratio=1.0, margin=1.0, flags=())
    ...          for at in (0.0, 3.0)]
    >>> scene = Scene(id="E_scene0000", episode_id="E", start=0.0, duration=5.0,
    ...               sentences=tuple(turns), caption=None, caption_backend=None)
    >>> found = select_rl_scenes([scene], lambda scenes: ["angry"] * len(scenes))
    >>> len(found.kept), found.rejected, found.styles
    (1, [], {'E_scene0000': 'angry'})
    """
    settings = settings or RlSettings()
    faults = [_without_listening(scene, settings) for scene in scenes]
    asked = [scene for scene, fault in zip(scenes, faults, strict=True) if fault is None]
    labels: dict[str, str | None] = {}
    if classifier is not None and asked:
        given = classifier(asked)
        if len(given) != len(asked):
            raise ValueError(
                f"the style classifier gave {len(given)} labels for {len(asked)} scenes"
            )
        labels = {scene.id: label for scene, label in zip(asked, given, strict=True)}
    kept: list[SceneT] = []
    rejected: list[RlRejection] = []
    for scene, fault in zip(scenes, faults, strict=True):
        if fault is None and classifier is not None:
            fault = _by_style(scene, labels[scene.id], settings)
        if fault is None:
            kept.append(scene)
        else:
            rejected.append(fault)
    heard = {name: label for name, label in labels.items() if label is not None}
    return RlSubset(kept, rejected, heard)


def count_han(text: str) -> int:
    """Chinese characters in the text; letters, digits, signs and kana do not count.

    >>> count_han("OK，李梅123吧々ですか！")
    4
    """
    return len(_HAN.findall(text))


def _without_listening(scene: Scene, settings: RlSettings) -> RlRejection | None:
    turns = len(scene.sentences)
    if turns < settings.min_turns:
        return _rejection(scene, RlReason.TURNS_TOO_FEW, f"{turns} turns")
    if turns > settings.max_turns:
        return _rejection(scene, RlReason.TURNS_TOO_MANY, f"{turns} turns")
    characters = count_han(scene.sentences[-1].text)
    if characters <= settings.min_characters:
        return _rejection(scene, RlReason.LAST_TURN_SHORT, f"{characters} Chinese characters")
    return None


def _by_style(scene: Scene, label: str | None, settings: RlSettings) -> RlRejection | None:
    if label is None:
        return _rejection(scene, RlReason.STYLE_UNHEARD, "no label")
    if label.casefold() == settings.neutral_label.casefold():
        return _rejection(scene, RlReason.STYLE_NEUTRAL, label)
    return None


def _rejection(scene: Scene, reason: RlReason, detail: str) -> RlRejection:
    return RlRejection(
        scene_id=scene.id,
        reason=reason,
        detail=detail,
        turns=len(scene.sentences),
        duration=scene.duration,
    )
