"""Scenes -> the sentences and scenes worth training on, and why the others are not (ADR 0014).

MCLP Table 1 gives what its filter left, not its rule. Ours, in this order:

1. Sentences, one by one, against the first limit that they miss. The sentence goes, the scene
   stays: its span shrinks to the sentences that remain, so that no speech without words is at its
   edges. A gap inside stays where it is: the scene is not cut again, and what was said in the gap
   is in the audio, in no turn.
2. Scenes, by what remains of them. All that is left of the scene goes, sentence by sentence.

A scene none of whose sentences remains is gone with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipelines.stages.assign import Flag
from pipelines.stages.microseconds import spans, to_microseconds
from pipelines.stages.scenes import SceneSettings, is_overlong
from pipelines.stages.settings import SceneFilterSettings
from schemas import Reason, Rejection
from schemas.episode import EpisodeScene, Sentence

Fault = tuple[Reason, str]  # and what exactly was found


def filter_scene(
    scene: EpisodeScene, filters: SceneFilterSettings, cutting: SceneSettings, stage: str
) -> tuple[EpisodeScene | None, list[Rejection]]:
    """The scene with the sentences that remain, or None, and a rejection for every other one.

    Args:
        scene: as caption leaves it.
        filters: the limits; all of them are inclusive: what meets one exactly stays.
        cutting: the limits that scenes were cut by, for the one that is too long (ADR 0010).
        stage: the rejections' stage.

    Raises:
        ValueError: a time is not a finite number of seconds.
    """
    kept: list[Sentence] = []
    rejections: list[Rejection] = []
    for sentence in scene.sentences:
        fault = sentence_fault(sentence, filters)
        if fault is None:
            kept.append(sentence)
        else:
            rejections.append(sentence_rejection(scene, sentence, stage, fault))
    if not kept:
        return None, rejections
    rest = narrowed(scene, kept)
    fault = scene_fault(rest, filters, cutting)
    if fault is None:
        return rest, rejections
    return None, rejections + [sentence_rejection(scene, one, stage, fault) for one in kept]


def sentence_fault(sentence: Sentence, filters: SceneFilterSettings) -> Fault | None:
    """The first limit that the sentence misses, if it misses any.

    A sentence whose speaker was taken from the nearest turn (flag ``gap``) has no share and no
    margin: with ``keep_gaps`` it is not held to them, without, its share of 0 is too low.

    >>> from pipelines.params import load_params
    >>> filters = load_params("params.yaml").select_scenes
    >>> line = Sentence(id="S1", start=0.0, duration=2.0, text="好", confidence=0.9, speaker="A",
    ...                 overlap_ratio=1.0, margin=1.0, flags=())
    >>> sentence_fault(line, filters)
    (<Reason.CONFIDENCE_LOW: 'confidence_low'>, '0.9, the limit is 0.95')
    """
    if sentence.speaker is None:
        return Reason.SPEAKER_UNASSIGNED, ", ".join(sentence.flags) or "no speaker"
    if sentence.confidence < filters.min_confidence:
        return Reason.CONFIDENCE_LOW, _below(sentence.confidence, filters.min_confidence)
    if not (filters.keep_gaps and Flag.GAP in sentence.flags):
        share, margin = sentence.overlap_ratio or 0.0, sentence.margin or 0.0
        if share < filters.min_overlap_ratio:
            return Reason.OVERLAP_LOW, _below(share, filters.min_overlap_ratio)
        if margin < filters.min_margin:
            return Reason.MARGIN_LOW, _below(margin, filters.min_margin)
    limit, quality = filters.min_dnsmos, sentence.dnsmos
    if limit is not None and quality is not None and quality < limit:
        return Reason.QUALITY_LOW, _below(quality, limit)
    return None


def scene_fault(
    scene: EpisodeScene, filters: SceneFilterSettings, cutting: SceneSettings
) -> Fault | None:
    """The first limit that a scene misses as it is now, if it misses any."""
    turns = len(scene.sentences)
    speakers = {one.speaker for one in scene.sentences}
    if is_overlong(scene, cutting):
        return (
            Reason.SENTENCE_OVERLONG,
            f"{scene.duration:.2f} s, a scene may have {cutting.max_scene_s} s",
        )
    if turns < filters.min_turns:
        return Reason.TURNS_TOO_FEW, _below(turns, filters.min_turns)
    if filters.max_turns is not None and turns > filters.max_turns:
        return Reason.TURNS_TOO_MANY, f"{turns}, the limit is {filters.max_turns}"
    if len(speakers) < filters.min_speakers:
        return Reason.SPEAKERS_TOO_FEW, _below(len(speakers), filters.min_speakers)
    if filters.need_caption and not (scene.caption or "").strip():
        return Reason.CAPTION_MISSING, "no caption"
    if filters.need_profiles:
        described = {
            one.speaker for one in scene.profiles if (one.identity + one.character).strip()
        }
        missing = sorted(name for name in speakers - described if name is not None)
        if missing:
            return Reason.PROFILE_MISSING, f"of {', '.join(missing)}"
    return None


def narrowed(scene: EpisodeScene, kept: Sequence[Sentence]) -> EpisodeScene:
    """The scene with some of its sentences only: their span, and the profiles of who speaks them.

    Args:
        scene: any.
        kept: sentences of it, in its order, at least one.
    """
    if len(kept) == len(scene.sentences):
        return scene
    _, ends = spans(kept)
    start = kept[0].start
    speakers = {one.speaker for one in kept}
    return replace(
        scene,
        start=start,
        duration=(int(ends.max()) - to_microseconds(start)) / 1e6,
        sentences=tuple(kept),
        profiles=tuple(one for one in scene.profiles if one.speaker in speakers),
    )


def sentence_rejection(
    scene: EpisodeScene, sentence: Sentence, stage: str, fault: Fault
) -> Rejection:
    """The rejection of one sentence; its place is a time in the episode's vocals."""
    return Rejection(
        record_id=sentence.id,
        stage=stage,
        reason=fault[0],
        detail=f"{scene.id}: {fault[1]}",
        location=f"{scene.vocals_uri}:{sentence.start:.3f}",
        duration=sentence.duration,
    )


def _below(found: float, limit: float) -> str:
    return f"{found:g}, the limit is {limit:g}"
