from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.microseconds import spans, to_microseconds
from pipelines.stages.scenes import CutReason, SceneSettings, cut_points, cut_scenes, is_overlong
from schemas.episode import Sentence
from tests.pipelines.stages.drama import EPISODES, drama_sentences, sentence, truth


def firsts(*times: tuple[float, float], settings: SceneSettings | None = None) -> list[int]:
    """The index of each scene's first sentence."""
    lines = [sentence(start, end) for start, end in times]
    return [cut.first for cut in cut_points(*spans(lines), settings)]


# The two episodes.


@pytest.mark.parametrize("aid", EPISODES)
def test_the_scenes_of_the_two_episodes_are_exactly_the_true_ones(aid: str) -> None:
    sentences = drama_sentences(aid)
    scenes = cut_scenes(aid, sentences)
    cuts = cut_points(*spans(sentences))
    right = truth("scenes.json")["scenes"][aid]
    assert len(scenes) == len(cuts) == len(right)
    for number, (scene, cut, true) in enumerate(zip(scenes, cuts, right, strict=True)):
        assert true["scene"] == number
        assert scene.id == f"{aid}_scene{number:04d}"
        assert [one.id for one in scene.sentences] == true["sids"]
        assert (scene.episode_id, scene.start, scene.duration) == (aid, true["start"], true["span"])
        assert cut.reason.value == true["cut_reason"]
        if number:
            before = scenes[number - 1]
            assert round(scene.start - before.start - before.duration, 6) == true["gap_before"]


@pytest.mark.parametrize("aid", EPISODES)
def test_leaving_out_low_confidence_moves_no_boundary(aid: str) -> None:
    sentences = drama_sentences(aid)
    sure = [one for one in sentences if one.confidence >= 0.95]
    assert len(sure) < len(sentences)
    right = [[s.id for s in scene.sentences if s in sure] for scene in cut_scenes(aid, sentences)]
    assert [[s.id for s in scene.sentences] for scene in cut_scenes(aid, sure)] == right


# Mistakes seen in peers.


def test_a_silence_of_exactly_five_seconds_does_not_cut() -> None:
    assert firsts((0, 1), (6, 7)) == [0]
    assert firsts((0, 1), (6.01, 7)) == [0, 1]
    # 0.1 + 0.2 + 5 is more than 5.3 in floats.
    assert firsts((0.1, 0.1 + 0.2), (5.3, 6)) == [0]
    assert firsts((1.1, 3.3), (8.3, 9)) == [0]


def test_a_scene_of_exactly_thirty_seconds_is_not_cut() -> None:
    assert firsts((0, 29), (29, 30.0)) == [0]
    assert firsts((0, 29), (29, 30.001)) == [0, 1]
    # 4.35 + 30 and 34.35 differ in floats for some starts; none of them may cut.
    for hundredths in range(0, 2000):
        start = hundredths / 100
        assert firsts((start, start + 20), (start + 20, (hundredths + 3000) / 100)) == [0]


def test_silence_runs_from_the_latest_end_not_from_the_previous_one() -> None:
    # The second line ends within the first: silence before the third is 4 s, not 7.
    assert firsts((0, 10), (3, 7), (14, 15)) == [0]
    # And the scene lasts until the latest end.
    (scene,) = cut_scenes("E", [sentence(0, 10), sentence(3, 7)])
    assert scene.duration == 10.0


def test_the_latest_end_counts_across_a_cut_by_the_cap() -> None:
    # The second sentence opens a scene by the cap and is nested in no one; the first still speaks
    # while the third begins 6 s after the second's end.
    assert firsts((0, 29), (1, 31), (2, 3), (34, 36)) == [0, 1, 3]
    cuts = cut_points(*spans([sentence(0, 29), sentence(1, 31), sentence(2, 3), sentence(34, 36)]))
    assert cuts[2].reason is CutReason.CAP


def test_a_sentence_of_more_than_thirty_seconds_is_kept_as_a_scene_of_its_own() -> None:
    assert firsts((0, 1), (2, 32.5), (33, 34)) == [0, 1, 2]
    # Also where the next begins before it ends, and where it comes first or last.
    assert firsts((0, 40), (5, 8), (9, 12)) == [0, 1]
    assert firsts((0, 2), (3, 40)) == [0, 1]
    scenes = cut_scenes("E", [sentence(0, 1), sentence(2, 32.5), sentence(33, 34)])
    assert [is_overlong(scene) for scene in scenes] == [False, True, False]
    assert firsts((0, 30), (30, 31)) == [0, 1]  # exactly 30 s is not too long


def test_a_sentence_after_a_silence_that_would_also_be_too_long_is_a_gap() -> None:
    cuts = cut_points(*spans([sentence(0, 1), sentence(28, 33)]))
    assert [cut.reason for cut in cuts] == [CutReason.FIRST, CutReason.GAP]


# Limits and errors.


def test_no_sentences_no_scenes() -> None:
    assert cut_scenes("E", []) == ()


def test_limits_are_settings() -> None:
    settings = SceneSettings(max_silence_s=1.5, max_scene_s=4.0)
    assert firsts((0, 1), (2.5, 4), (4, 5), (7, 8), settings=settings) == [0, 2, 3]


def test_sentences_that_begin_together_are_ordered_by_end_then_id() -> None:
    lines = [sentence(0, 2, id="c"), sentence(0, 2, id="b"), sentence(0, 1, id="z")]
    (scene,) = cut_scenes("E", lines)
    assert [one.id for one in scene.sentences] == ["z", "b", "c"]


def test_a_sentence_that_ends_before_it_begins_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"sentence S00003\.000 ends before it begins"):
        cut_scenes("E", [sentence(1, 2), sentence(3, 2)])


# Invariants.

episodes = st.lists(
    st.tuples(st.integers(0, 20_000), st.integers(0, 3_500)).map(
        lambda pair: sentence(pair[0] / 100, (pair[0] + pair[1]) / 100)
    ),
    max_size=40,
    unique_by=lambda one: one.start,
)


@given(episodes, st.randoms(use_true_random=False))
def test_scenes_partition_the_sentences_in_order(
    sentences: list[Sentence], chance: random.Random
) -> None:
    scenes = cut_scenes("E", sentences)
    ordered = sorted(sentences, key=lambda one: (one.start, one.duration, one.id))
    assert [one for scene in scenes for one in scene.sentences] == ordered
    assert all(scene.sentences for scene in scenes)
    assert len({scene.id for scene in scenes}) == len(scenes)
    chance.shuffle(sentences)
    assert cut_scenes("E", sentences) == scenes


@given(episodes)
def test_only_one_sentence_alone_exceeds_the_cap(sentences: list[Sentence]) -> None:
    for scene in cut_scenes("E", sentences):
        if is_overlong(scene):
            assert len(scene.sentences) == 1
            assert scene.duration == scene.sentences[0].duration


@given(episodes)
def test_cuts_are_where_the_rule_says_and_nowhere_else(sentences: list[Sentence]) -> None:
    ordered = sorted(sentences, key=lambda one: (one.start, one.duration, one.id))
    starts = [to_microseconds(one.start) for one in ordered]
    ends = [
        begin + to_microseconds(one.duration) for begin, one in zip(starts, ordered, strict=True)
    ]
    right: list[int] = []
    for index in range(len(ordered)):
        second = 1_000_000
        if (
            index == 0
            or starts[index] - max(ends[:index]) > 5 * second
            or ends[index] - starts[right[-1]] > 30 * second
            or ends[index - 1] - starts[index - 1] > 30 * second
        ):
            right.append(index)
    assert [cut.first for cut in cut_points(*spans(ordered))] == right
