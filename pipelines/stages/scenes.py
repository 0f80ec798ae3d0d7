"""Sentences of an episode -> scenes (MCLP 5.2).

"A new scene is triggered by a silence gap exceeding 5 seconds, with a maximum duration cap of 30
seconds." What the paper leaves open, decided here:

- The silence before a sentence runs from the latest end of *any* earlier sentence, not from the end
  of the previous one: where lines overlap, the previous one may end first.
- A sentence that would end past the scene's start + 30 s opens a new scene.
- A sentence longer than 30 s is kept, as a scene of its own, longer than the cap (ADR 0010).

All comparisons are of whole microseconds: a silence of exactly 5 s does not cut, nor does a scene
of exactly 30 s.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipelines.stages.columns import from_columns
from pipelines.stages.microseconds import Microseconds, spans, to_microseconds
from pipelines.stages.settings import Strict
from schemas.episode import Scene, Sentence

PositiveSeconds = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]

_NEVER = -(2**63)  # before any time


class CutReason(enum.StrEnum):
    """Why a scene begins where it does."""

    FIRST = "first"  # the first sentence of the recording
    GAP = "gap"  # the silence before it is too long
    CAP = "cap"  # with this sentence the scene before it would be too long


class SceneSettings(Strict):
    """Limits of a scene, in seconds."""

    max_silence_s: PositiveSeconds = 5.0  # MCLP 5.2; more than this cuts (`>`)
    max_scene_s: PositiveSeconds = 30.0  # MCLP 5.2; more than this cuts (`>`)


class SceneCut(NamedTuple):
    """Where one scene begins: the index of its first sentence, and why there."""

    first: int
    reason: CutReason


class ScenePlan(NamedTuple):
    """The scenes of one recording, as places among its sentences."""

    order: NDArray[np.int64]  # the sentences by start, then end, then id
    cuts: list[SceneCut]  # one a scene; ``first`` counts in that order
    durations: list[float]  # of the scenes, in seconds


def cut_scenes(
    episode_id: str, sentences: Sequence[Sentence], settings: SceneSettings | None = None
) -> tuple[Scene, ...]:
    """The scenes of one recording; every sentence is in exactly one of them.

    A scene's span is from its first sentence's start to the latest end of its sentences. Spans of
    neighbours can overlap where their sentences do. Captions are None.

    Args:
        episode_id: goes before the scene's number, from 0, in the scene's id.
        sentences: of one recording, in any order; scenes hold them by start, then end, then id.
        settings: limits, in seconds.

    Raises:
        ValueError: a sentence ends before it begins, or a time is not a finite number.

    >>> lines = [Sentence(id=f"S{at}", start=at, duration=2.0, text="好", confidence=1.0,
    ...                   speaker=None, overlap_ratio=None, margin=None, flags=())
    ...          for at in (0.0, 7.0, 14.5)]
    >>> [(scene.id, scene.duration) for scene in cut_scenes("EP1", lines)]
    [('EP1_scene0000', 9.0), ('EP1_scene0001', 2.0)]
    """
    starts, ends = spans(sentences)
    plan = plan_scenes(starts, ends, list(map(attrgetter("id"), sentences)), settings)
    ordered = tuple(map(sentences.__getitem__, plan.order.tolist()))
    firsts = [cut.first for cut in plan.cuts]
    return tuple(
        from_columns(
            Scene,
            id=[scene_id(episode_id, number) for number in range(len(firsts))],
            episode_id=repeat(episode_id, len(firsts)),
            start=[ordered[first].start for first in firsts],
            duration=plan.durations,
            sentences=map(ordered.__getitem__, map(slice, firsts, [*firsts[1:], len(ordered)])),
            caption=repeat(None, len(firsts)),
            caption_backend=repeat(None, len(firsts)),
        )
    )


def plan_scenes(
    starts: Microseconds,
    ends: Microseconds,
    ids: Sequence[str],
    settings: SceneSettings | None = None,
) -> ScenePlan:
    """Where the scenes of one recording begin, and how long they are.

    Args:
        starts: of the sentences, whole microseconds, in any order.
        ends: of the same sentences.
        ids: of the same sentences; they decide the order of those with the same times.
        settings: limits, in seconds.

    Raises:
        ValueError: a sentence ends before it begins.

    >>> at = 1_000_000 * np.array([[7, 9], [0, 2]])
    >>> plan_scenes(at[:, 0], at[:, 1], ["a", "b"]).order
    array([1, 0])
    """
    if (ends < starts).any():
        wrong = int(np.argmax(ends < starts))
        spoken = (ends[wrong] - starts[wrong]) / 1e6
        raise ValueError(f"sentence {ids[wrong]} ends before it begins: {spoken} s")
    order = np.arange(len(starts))
    # Rising starts are an order already; equal ones need the ends and ids to decide.
    if not (starts[1:] > starts[:-1]).all():
        keys = list(zip(starts.tolist(), ends.tolist(), ids, strict=True))
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__))
        starts, ends = starts[order], ends[order]
    cuts = cut_points(starts, ends, settings)
    if not cuts:
        return ScenePlan(order, [], [])
    firsts = [cut.first for cut in cuts]
    spans_us = np.maximum.reduceat(ends, firsts) - starts[firsts]
    return ScenePlan(order, cuts, (spans_us / 1e6).tolist())


def cut_points(
    starts: Microseconds, ends: Microseconds, settings: SceneSettings | None = None
) -> list[SceneCut]:
    """Where scenes begin among sentences that are in order of start.

    A sentence that is too far from the ones before it *and* would make the scene too long is a
    GAP. After a sentence that is longer than the cap by itself, the next one begins a scene (CAP).

    Args:
        starts: of the sentences, whole microseconds, not falling.
        ends: of the same sentences; no end before its start.
        settings: limits, in seconds.

    >>> seconds = 1_000_000 * np.array([[0, 3], [8, 30], [31, 33], [39, 40]])
    >>> [(cut.first, cut.reason.value) for cut in cut_points(seconds[:, 0], seconds[:, 1])]
    [(0, 'first'), (2, 'cap'), (3, 'gap')]
    """
    settings = settings or SceneSettings()
    silence = to_microseconds(settings.max_silence_s)
    cap = to_microseconds(settings.max_scene_s)
    cuts: list[SceneCut] = []
    spoken_until = limit = _NEVER  # limit: the latest end that the current scene may have
    # A plain loop: each scene's limit hangs on the cut before it, and at the length of an episode
    # the vectorised form costs more in calls than it saves.
    for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        if end > limit or start - spoken_until > silence:
            is_gap = start - spoken_until > silence
            reason = CutReason.GAP if is_gap else CutReason.CAP
            cuts.append(SceneCut(index, reason if cuts else CutReason.FIRST))
            # Nothing joins a sentence that is too long by itself.
            limit = start + cap if end - start <= cap else _NEVER
        if end > spoken_until:
            spoken_until = end
    return cuts


def scene_id(episode_id: str, number: int) -> str:
    """The id of an episode's scene, counted from 0.

    >>> scene_id("EP1", 7)
    'EP1_scene0007'
    """
    return f"{episode_id}_scene{number:04d}"


def is_overlong(scene: Scene, settings: SceneSettings | None = None) -> bool:
    """Whether the scene is one sentence longer than the cap (ADR 0010).

    >>> is_overlong(Scene(id="E_scene0000", episode_id="E", start=0.0, duration=30.0, sentences=(),
    ...                   caption=None, caption_backend=None))
    False
    """
    settings = settings or SceneSettings()
    return to_microseconds(scene.duration) > to_microseconds(settings.max_scene_s)
