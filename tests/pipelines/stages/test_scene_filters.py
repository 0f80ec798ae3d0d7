"""Which sentences and scenes stay, at their boundaries and for any scene."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.params import load_params
from pipelines.stages.scene_filters import filter_scene
from pipelines.stages.scenes import SceneSettings
from pipelines.stages.settings import SceneFilterSettings
from schemas import CharacterProfile, EpisodeScene, Reason, Sentence
from tests.pipelines.scene_corpus import line, scene_of

SHIPPED = load_params("params.yaml").select_scenes
CUTTING = SceneSettings()


def filters(**changes: Any) -> SceneFilterSettings:  # noqa: ANN401
    return SHIPPED.model_copy(update=changes)


def reasons(
    scene: EpisodeScene,
    **changes: Any,  # noqa: ANN401
) -> tuple[EpisodeScene | None, list[Reason]]:
    kept, rejections = filter_scene(scene, filters(**changes), CUTTING, "select")
    return kept, [one.reason for one in rejections]


def dialogue(*changed: dict[str, Any]) -> EpisodeScene:
    """Four turns of two speakers, and then the given ones."""
    good = [line(n, 3.0 * n, 3.0 * n + 2) for n in range(4)]
    more = [line(4 + n, 12.0 + 3 * n, 14.0 + 3 * n, **one) for n, one in enumerate(changed)]
    return scene_of("R", 0, [*good, *more])


def test_the_shipped_limits_ask_for_a_dialogue_that_is_clear() -> None:
    """ADR 0014 says why."""
    assert SHIPPED.min_speakers == 2 and SHIPPED.min_turns == 2
    assert SHIPPED.min_confidence == 0.95  # WenetSpeech's own border of strong labels
    assert not SHIPPED.keep_gaps and SHIPPED.need_caption and SHIPPED.need_profiles


@pytest.mark.parametrize(
    ("changes", "settings", "reason"),
    [
        ({"speaker": None, "confidence": 0.0}, {}, Reason.SPEAKER_UNASSIGNED),
        ({"confidence": 0.95}, {}, None),
        ({"confidence": 0.9499}, {}, Reason.CONFIDENCE_LOW),
        ({"overlap_ratio": 0.5}, {}, None),
        ({"overlap_ratio": 0.4999, "margin": 0.0}, {}, Reason.OVERLAP_LOW),
        ({"overlap_ratio": None}, {}, Reason.OVERLAP_LOW),
        ({"margin": 0.3}, {}, None),
        ({"margin": 0.2999}, {}, Reason.MARGIN_LOW),
        ({"margin": None}, {}, Reason.MARGIN_LOW),
        ({"overlap_ratio": 0.0, "margin": 0.0, "flags": ("gap",)}, {}, Reason.OVERLAP_LOW),
        ({"overlap_ratio": 0.0, "margin": 0.0, "flags": ("gap",)}, {"keep_gaps": True}, None),
        ({"overlap_ratio": 0.0, "margin": 0.0}, {"keep_gaps": True}, Reason.OVERLAP_LOW),
        ({"dnsmos": 1.0}, {}, None),
        ({"dnsmos": 2.79}, {"min_dnsmos": 2.8}, Reason.QUALITY_LOW),
        ({"dnsmos": 2.8}, {"min_dnsmos": 2.8}, None),
        ({"dnsmos": None}, {"min_dnsmos": 2.8}, None),  # not measured is not low
    ],
)
def test_sentences_at_the_limits(
    changes: dict[str, Any], settings: dict[str, Any], reason: Reason | None
) -> None:
    kept, found = reasons(dialogue(changes), **settings)
    assert found == ([] if reason is None else [reason])
    assert kept is not None and len(kept.sentences) == 4 + (reason is None)


@pytest.mark.parametrize(
    ("change", "settings", "reason"),
    [
        ({}, {"min_turns": 4}, None),
        ({}, {"min_turns": 5}, Reason.TURNS_TOO_FEW),
        ({}, {"max_turns": 4}, None),
        ({}, {"max_turns": 3}, Reason.TURNS_TOO_MANY),
        ({}, {"min_speakers": 2}, None),
        ({}, {"min_speakers": 3}, Reason.SPEAKERS_TOO_FEW),
        ({"caption": None}, {}, Reason.CAPTION_MISSING),
        ({"caption": " \n"}, {}, Reason.CAPTION_MISSING),
        ({"caption": None}, {"need_caption": False}, None),
        ({"profiles": ()}, {}, Reason.PROFILE_MISSING),
        ({"profiles": ()}, {"need_profiles": False}, None),
        (
            {"profiles": (CharacterProfile(speaker="SPEAKER_00", identity="父亲", character=""),)},
            {},
            Reason.PROFILE_MISSING,
        ),
        (
            {
                "profiles": tuple(
                    CharacterProfile(speaker=f"SPEAKER_{n:02d}", identity=" ", character="")
                    for n in range(2)
                )
            },
            {},
            Reason.PROFILE_MISSING,
        ),
    ],
)
def test_scenes_at_the_limits(
    change: dict[str, Any], settings: dict[str, Any], reason: Reason | None
) -> None:
    kept, found = reasons(replace(dialogue(), **change), **settings)
    assert (kept is None) == (reason is not None)
    assert found == ([] if reason is None else [reason] * 4)


def test_a_sentence_longer_than_a_scene_may_be() -> None:
    """ADR 0010: it is a scene of its own, and that is why it goes."""
    assert reasons(scene_of("R", 0, [line(0, 0.0, 30.01)])) == (None, [Reason.SENTENCE_OVERLONG])
    assert reasons(scene_of("R", 0, [line(0, 0.0, 30.0)])) == (None, [Reason.TURNS_TOO_FEW])
    assert reasons(scene_of("R", 0, [line(0, 0.0, 31.0, speaker=None)])) == (
        None,
        [Reason.SPEAKER_UNASSIGNED],
    )


def test_the_span_shrinks_to_what_remains_and_a_gap_inside_stays() -> None:
    turns = [
        line(0, 1.0, 2.0, confidence=0.1),
        line(1, 2.5, 9.0),
        line(2, 3.0, 4.0, margin=0.0),
        line(3, 6.0, 8.1, speaker="SPEAKER_02"),
        line(4, 8.0, 12.0, speaker=None),
    ]
    kept, rejections = filter_scene(scene_of("R", 0, turns), SHIPPED, CUTTING, "select")
    assert kept is not None
    assert (kept.start, kept.duration) == (2.5, 6.5)  # the first of them ends last
    assert [one.id for one in kept.sentences] == ["S00001", "S00003"]
    assert [one.speaker for one in kept.profiles] == ["SPEAKER_01", "SPEAKER_02"]
    assert [one.record_id for one in rejections] == ["S00000", "S00002", "S00004"]


def test_a_profile_is_asked_of_those_who_remain_only() -> None:
    scene = dialogue({"speaker": "SPEAKER_07", "confidence": 0.0})
    scene = replace(scene, profiles=scene.profiles[:2])
    kept, found = reasons(scene)
    assert kept is not None and found == [Reason.CONFIDENCE_LOW]


sentences = st.lists(
    st.builds(
        lambda at, length, **changes: line(0, at / 4, at / 4 + length / 4, **changes),
        st.integers(0, 60),
        st.integers(1, 130),
        speaker=st.none() | st.sampled_from(["A", "B", "C"]),
        confidence=st.sampled_from([0.5, 1.0]),
        overlap_ratio=st.sampled_from([0.2, 1.0]),
        margin=st.sampled_from([0.0, 1.0]),
        dnsmos=st.none() | st.sampled_from([1.5, 3.5]),
    ),
    min_size=1,
    max_size=8,
)


@given(
    sentences,
    st.booleans(),
    st.builds(
        filters,
        min_turns=st.integers(1, 3),
        max_turns=st.none() | st.integers(3, 5),
        min_speakers=st.integers(1, 3),
        min_dnsmos=st.none() | st.just(2.5),
    ),
)
def test_filters_partition_the_sentences(
    drawn: list[Sentence], captioned: bool, settings: SceneFilterSettings
) -> None:
    ordered = sorted(drawn, key=lambda one: (one.start, one.duration))
    numbered = [replace(one, id=f"S{n}") for n, one in enumerate(ordered)]
    scene = scene_of("R", 0, numbered, caption="dusk" if captioned else None)
    kept, rejections = filter_scene(scene, settings, CUTTING, "select")
    left = list(kept.sentences) if kept is not None else []
    assert sorted([one.id for one in left] + [one.record_id for one in rejections]) == sorted(
        one.id for one in numbered
    )
    assert sum(one.duration or 0 for one in rejections) == pytest.approx(
        sum(one.duration for one in numbered) - sum(one.duration for one in left)
    )
    if kept is None:
        return
    assert [one for one in numbered if one in left] == left
    assert kept.start == left[0].start
    ends = [one.start + one.duration for one in left]
    assert kept.start + kept.duration == pytest.approx(max(ends))
    assert len({one.speaker for one in left}) >= settings.min_speakers
    assert settings.min_turns <= len(left) <= (settings.max_turns or len(left))
    # Filtering what is left changes nothing.
    assert filter_scene(kept, settings, CUTTING, "select") == (kept, [])
