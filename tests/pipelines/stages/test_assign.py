from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.assign import AssignSettings, assign_speakers
from schemas.episode import Sentence, SpeechTurn
from tests.pipelines.stages.drama import (
    EPISODES,
    drama_sentences,
    drama_turns,
    sentence,
    truth,
    turn,
)


def assigned(
    start: float, end: float, turns: list[SpeechTurn], settings: AssignSettings | None = None
) -> Sentence:
    (found,) = assign_speakers([sentence(start, end)], turns, settings)
    return found


# The two episodes.


@pytest.mark.parametrize("aid", EPISODES)
def test_every_sentence_of_the_two_episodes_gets_who_really_speaks(aid: str) -> None:
    found = assign_speakers(drama_sentences(aid), drama_turns(aid))
    right = truth("sentences.json")[aid]["speakers"]
    assert {one.id: one.speaker for one in found} == right
    assert min(one.overlap_ratio or 0 for one in found) > 0.9
    assert not any("straddles" in one.flags or "gap" in one.flags for one in found)


@pytest.mark.parametrize("aid", EPISODES)
def test_speech_that_begins_before_the_last_has_finished_goes_by_largest_overlap(aid: str) -> None:
    sentences = drama_sentences(aid)
    found = {one.id: one for one in assign_speakers(sentences, drama_turns(aid))}
    early = [
        (one.id, other.id)
        for one, other in zip(sentences, sentences[1:], strict=False)
        if other.start < one.start + one.duration
    ]
    assert len(early) == 2
    for one, other in early:
        assert found[one].speaker != found[other].speaker
        assert (found[one].margin or 0) > 0.7


# Mistakes seen in peers.


def test_not_only_the_current_and_the_next_turn_are_compared() -> None:
    # A has one long turn under three short ones: by start, A's turn is far back.
    turns = [turn(0, 100, "A"), turn(10, 11, "B"), turn(20, 21, "C"), turn(50.0, 50.4, "B")]
    assert assigned(50, 52, turns).speaker == "A"
    assert assigned(97, 99, turns).speaker == "A"


def test_several_short_turns_of_one_speaker_add_up() -> None:
    turns = [turn(0, 1, "A"), turn(1, 2.5, "B"), turn(2.5, 3.5, "A")]
    found = assigned(0, 3.5, turns)
    assert found.speaker == "A"
    assert found.overlap_ratio == pytest.approx(2 / 3.5)


def test_one_speakers_overlapping_turns_are_not_counted_twice() -> None:
    turns = [turn(0, 2, "A"), turn(0, 2, "A"), turn(0.5, 1.5, "A"), turn(0, 3, "B")]
    found = assigned(0, 4, turns)
    assert (found.speaker, found.overlap_ratio, found.margin) == ("B", 0.75, 0.25)


def test_the_nearest_turn_is_by_its_boundary_not_its_midpoint() -> None:
    # The long turn ends 0.1 s before; its midpoint is 30 s away. The short one begins 0.4 s after.
    turns = [turn(0, 60, "long"), turn(62.5, 63.0, "short")]
    found = assigned(60.1, 62.1, turns)
    assert (found.speaker, found.flags) == ("long", ("gap",))
    assert (found.overlap_ratio, found.margin) == (0.0, 0.0)


def test_a_gap_does_not_latch_onto_the_first_speaker() -> None:
    turns = [turn(0, 1, "first"), turn(50, 51, "near"), turn(90, 91, "last")]
    assert assigned(51.2, 52, turns).speaker == "near"
    assert assigned(49, 49.9, turns).speaker == "near"
    assert assigned(91.1, 92, turns).speaker == "last"
    assert assigned(30, 31, turns).speaker is None


def test_a_tie_goes_to_who_is_heard_first_and_is_flagged() -> None:
    turns = [turn(0, 1, "Z"), turn(1, 2, "A")]
    found = assigned(0, 2, turns)
    assert (found.speaker, found.margin) == ("Z", 0.0)
    assert found.flags == ("tie", "straddles")
    both = [turn(0, 2, "Z"), turn(0, 2, "A")]
    found = assigned(0, 2, both)
    assert (found.speaker, found.flags) == ("A", ("tie", "overlapped"))


def test_a_tie_of_the_second_and_third_is_no_tie() -> None:
    turns = [turn(0, 2, "A"), turn(2, 3, "B"), turn(3, 4, "C")]
    assert "tie" not in assigned(0, 4, turns).flags


def test_a_tie_of_distances_goes_to_the_earlier_turn_and_is_flagged() -> None:
    found = assigned(1.25, 2, [turn(0, 1, "Z"), turn(2.25, 3, "A")])
    assert (found.speaker, found.flags) == ("Z", ("tie", "gap"))
    found = assigned(1.25, 2, [turn(0, 1, "Z"), turn(2.25, 3, "Z")])
    assert (found.speaker, found.flags) == ("Z", ("gap",))


def test_a_sentence_that_straddles_two_speakers_is_flagged() -> None:
    found = assigned(0, 4, [turn(0, 2.5, "A"), turn(2.5, 4, "B")])
    assert (found.speaker, found.flags) == ("A", ("straddles",))
    assert (found.overlap_ratio, found.margin) == (0.625, 0.25)


# Limits.


@pytest.mark.parametrize(("distance", "speaker"), [(0.499, "A"), (0.5, "A"), (0.501, None)])
def test_the_gap_limit_is_inclusive(distance: float, speaker: str | None) -> None:
    found = assigned(10 + distance, 12, [turn(0, 10, "A")])
    assert found.speaker == speaker
    assert found.flags == (("gap",) if speaker else ("no_speaker",))


def test_a_gap_limit_of_zero_takes_only_what_touches() -> None:
    settings = AssignSettings(max_gap_s=0.0)
    assert assigned(10, 12, [turn(0, 10, "A")], settings).speaker == "A"
    assert assigned(10.000001, 12, [turn(0, 10, "A")], settings).speaker is None


@pytest.mark.parametrize(("other", "flags"), [(0.199, ()), (0.2, ("straddles",))])
def test_the_straddling_share_is_inclusive(other: float, flags: tuple[str, ...]) -> None:
    length = 3.0
    change = length * (1 - other)
    assert assigned(0, length, [turn(0, change, "A"), turn(change, length, "B")]).flags == flags


@pytest.mark.parametrize(("other", "flags"), [(0.249, ()), (0.25, ("straddles",))])
def test_less_than_the_collar_is_no_straddling(other: float, flags: tuple[str, ...]) -> None:
    assert assigned(0, 0.8, [turn(0, 0.8 - other, "A"), turn(0.8 - other, 5, "B")]).flags == flags


def test_speech_at_once_is_no_straddling() -> None:
    found = assigned(0, 3, [turn(0, 3, "A"), turn(1, 2, "B")])
    assert (found.speaker, found.flags) == ("A", ("overlapped",))
    assert found.margin == pytest.approx(2 / 3)


def test_the_overlapped_share_is_inclusive_and_exact() -> None:
    # 0.1 * 0.3 s is 0.03 s, and a little more in floats.
    assert assigned(0, 0.3, [turn(0, 0.3, "A"), turn(0, 0.03, "B")]).flags == ("overlapped",)


def test_nobody_else_speaking_is_a_margin_of_one() -> None:
    found = assigned(0, 4, [turn(0, 1, "A")])
    assert (found.overlap_ratio, found.margin, found.flags) == (0.25, 1.0, ())


def test_turns_without_length_and_no_turns_at_all() -> None:
    assert assigned(0, 2, [turn(1, 1, "A")]).speaker is None
    assert assigned(0, 2, []).flags == ("no_speaker",)
    assert assign_speakers([], [turn(0, 1, "A")]) == ()


def test_an_earlier_assignment_is_replaced() -> None:
    old = sentence(0, 1, speaker="X", overlap_ratio=1.0, margin=1.0, flags=("straddles",))
    (found,) = assign_speakers([old], [])
    assert (found.speaker, found.overlap_ratio, found.flags) == (None, 0.0, ("no_speaker",))


@pytest.mark.parametrize("end", [1.0, 0.5])
def test_a_sentence_without_length_is_an_error_that_names_it(end: float) -> None:
    with pytest.raises(ValueError, match=r"sentence S00001\.000 has no length"):
        assign_speakers([sentence(3, 4), sentence(1.0, end)], [])


@pytest.mark.parametrize("start", [math.nan, math.inf, 1e300])
def test_a_time_that_is_none_is_an_error(start: float) -> None:
    with pytest.raises(ValueError, match="not a time"):
        assign_speakers([sentence(0, 1)], [SpeechTurn(start=start, duration=1, speaker="A")])
    with pytest.raises(ValueError, match="negative length"):
        assign_speakers([sentence(0, 1)], [turn(2, 1, "A")])


# Invariants.

centiseconds = st.integers(0, 600).map(lambda ticks: ticks / 100)
turn_lists = st.lists(
    st.builds(
        SpeechTurn,
        start=centiseconds,
        duration=st.integers(0, 200).map(lambda ticks: ticks / 100),
        speaker=st.sampled_from("ABCD"),
    ),
    max_size=12,
)
sentence_lists = st.lists(
    st.tuples(centiseconds, st.integers(1, 300)).map(
        lambda pair: sentence(pair[0], pair[0] + pair[1] / 100)
    ),
    max_size=6,
    unique_by=lambda one: (one.start, one.duration),
)


@given(sentence_lists, turn_lists, st.randoms(use_true_random=False))
def test_the_order_of_sentences_and_turns_does_not_matter(
    sentences: list[Sentence], turns: list[SpeechTurn], chance: random.Random
) -> None:
    right = dict(zip(sentences, assign_speakers(sentences, turns), strict=True))
    chance.shuffle(sentences)
    chance.shuffle(turns)
    assert assign_speakers(sentences, turns) == tuple(right[one] for one in sentences)


@given(sentence_lists, turn_lists)
def test_against_counting_every_centisecond(
    sentences: list[Sentence], turns: list[SpeechTurn]
) -> None:
    for one in assign_speakers(sentences, turns):
        assert one == by_counting(one, turns)


def by_counting(one: Sentence, turns: list[SpeechTurn]) -> Sentence:
    """The rules once more, tick by tick."""

    def ticks(of: Sentence | SpeechTurn) -> range:
        return range(round(of.start * 100), round(of.start * 100) + round(of.duration * 100))

    heard: dict[int, set[str]] = {tick: set() for tick in ticks(one)}
    for spoken in turns:
        for tick in ticks(spoken):
            if tick in heard:
                heard[tick].add(spoken.speaker)
    length = len(heard)
    counts = {who: sum(who in here for here in heard.values()) for who in "ABCD"}
    if not any(counts.values()):
        return by_distance(one, {who: united(who, turns) for who in "ABCD"})
    first = {who: min((t for t in heard if who in heard[t]), default=10**9) for who in "ABCD"}
    best, second = sorted("ABCD", key=lambda who: (-counts[who], first[who], who))[:2]
    alone = sum(bool(here) and best not in here for here in heard.values())
    several = sum(len(here) > 1 for here in heard.values())
    flags = [
        name
        for name, holds in (
            ("tie", counts[best] == counts[second]),
            ("straddles", alone * 5 >= length and alone >= 25),
            ("overlapped", several * 10 >= length and several > 0),
        )
        if holds
    ]
    return replace(
        one,
        speaker=best,
        overlap_ratio=counts[best] / length,
        margin=(counts[best] - counts[second]) / length if counts[second] else 1.0,
        flags=tuple(flags),
    )


def united(who: str, turns: list[SpeechTurn]) -> list[tuple[int, int]]:
    spoken = sorted(
        (round(t.start * 100), round(t.start * 100) + round(t.duration * 100))
        for t in turns
        if t.speaker == who and t.duration > 0
    )
    found: list[tuple[int, int]] = []
    for start, end in spoken:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def by_distance(one: Sentence, speech: dict[str, list[tuple[int, int]]]) -> Sentence:
    begin = round(one.start * 100)
    end = begin + round(one.duration * 100)
    near = sorted(
        (max(start - end, begin - stop), start, who)
        for who, spoken in speech.items()
        for start, stop in spoken
        if max(start - end, begin - stop) <= 50
    )
    if not near:
        return replace(one, speaker=None, overlap_ratio=0.0, margin=0.0, flags=("no_speaker",))
    tie = any(distance == near[0][0] and who != near[0][2] for distance, _, who in near)
    flags = ("tie", "gap") if tie else ("gap",)
    return replace(one, speaker=near[0][2], overlap_ratio=0.0, margin=0.0, flags=flags)
