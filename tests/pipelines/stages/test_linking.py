"""Speakers of chunks to speakers of a recording: by voice, whatever the order, never two of one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.stages.linking import ChunkSpeaker, link_speakers


def voice(*place: float) -> NDArray[np.float32]:
    vector = np.array(place, np.float32)
    return vector / np.linalg.norm(vector)


def angle(degrees: float) -> NDArray[np.float32]:
    return voice(np.cos(np.radians(degrees)), np.sin(np.radians(degrees)))


def speaker(
    chunk: int, label: str, place: NDArray[np.float32] | None, seconds: float = 1.0
) -> ChunkSpeaker:
    return ChunkSpeaker(chunk, label, seconds, place)


def partition(speakers: list[ChunkSpeaker], groups: list[int]) -> set[frozenset[tuple[int, str]]]:
    found: dict[int, set[tuple[int, str]]] = {}
    for one, group in zip(speakers, groups, strict=True):
        found.setdefault(group, set()).add((one.chunk, one.label))
    return {frozenset(group) for group in found.values()}


def test_the_same_voice_in_three_chunks_is_one_speaker() -> None:
    speakers = [
        speaker(0, "a", angle(0)), speaker(0, "b", angle(90)),
        speaker(1, "a", angle(85)), speaker(1, "b", angle(5)),
        speaker(2, "x", angle(92)),
    ]  # fmt: skip
    assert link_speakers(speakers, 0.4) == [0, 1, 1, 0, 1]


def test_two_of_one_chunk_stay_two_however_alike() -> None:
    speakers = [speaker(0, "a", angle(0)), speaker(0, "b", angle(1)), speaker(1, "a", angle(0.4))]
    assert link_speakers(speakers, 2.0) == [0, 1, 0]  # nearer to a; then b may not come too


def test_a_chain_does_not_bring_two_of_one_chunk_together() -> None:
    speakers = [
        speaker(0, "a", angle(0)), speaker(1, "a", angle(10)),
        speaker(2, "a", angle(20)), speaker(0, "b", angle(31)),
    ]  # fmt: skip
    groups = link_speakers(speakers, 2.0)
    assert groups[0] != groups[3]


def test_the_limit_is_inclusive() -> None:
    pair = [speaker(0, "a", voice(1, 0)), speaker(1, "a", voice(0, 1))]
    assert link_speakers(pair, 1.0) == [0, 0]
    assert link_speakers(pair, 0.999) == [0, 1]


def test_who_speaks_longer_weighs_more() -> None:
    """The group of 0 and 60 degrees lies where most of its speech is."""

    def third_joins(seconds_at_0: float, seconds_at_60: float) -> bool:
        speakers = [
            speaker(0, "a", angle(0), seconds_at_0),
            speaker(1, "a", angle(60), seconds_at_60),
            speaker(2, "a", angle(-70), 1.0),
        ]
        groups = link_speakers(speakers, 0.72)
        assert groups[0] == groups[1]
        return groups[2] == groups[0]

    assert third_joins(20.0, 1.0)
    assert not third_joins(1.0, 20.0)


def test_who_has_no_voice_stays_alone() -> None:
    speakers = [speaker(0, "a", None), speaker(1, "a", None), speaker(2, "a", angle(0))]
    assert link_speakers(speakers, 2.0) == [0, 1, 2]


def test_nobody_and_one() -> None:
    assert link_speakers([], 0.4) == []
    assert link_speakers([speaker(3, "a", angle(0))], 0.4) == [0]


def test_what_is_not_a_voice_is_refused() -> None:
    with pytest.raises(ValueError, match="voice not of length 1"):
        link_speakers([speaker(0, "a", np.array([2.0, 0.0], np.float32))], 0.4)
    with pytest.raises(ValueError, match="voice not of length 1"):
        link_speakers([speaker(0, "a", np.array([np.nan, 0.0], np.float32))], 0.4)
    with pytest.raises(ValueError, match="comes twice"):
        link_speakers([speaker(0, "a", angle(0)), speaker(0, "a", angle(9))], 0.4)


@st.composite
def recordings(draw: st.DrawFn) -> list[ChunkSpeaker]:
    """Up to five chunks of up to four speakers; angles repeat, so that there are ties."""
    speakers = []
    for chunk in range(draw(st.integers(0, 5))):
        for number in range(draw(st.integers(0, 4))):
            place = draw(st.one_of(st.none(), st.sampled_from([0, 10, 20, 45, 90, 180, 270])))
            seconds = draw(st.sampled_from([0.0, 0.5, 1.0, 30.0]))
            speakers.append(
                speaker(chunk, f"s{number}", None if place is None else angle(place), seconds)
            )
    return speakers


@given(recordings(), st.randoms(), st.sampled_from([0.05, 0.3, 1.0, 2.0]))
def test_the_order_of_the_speakers_does_not_matter(
    speakers: list[ChunkSpeaker], random: np.random.Generator, limit: float
) -> None:
    expected = link_speakers(speakers, limit)
    order = list(range(len(speakers)))
    random.shuffle(order)
    shuffled = link_speakers([speakers[i] for i in order], limit)
    assert shuffled == [expected[i] for i in order]


@given(recordings(), st.sampled_from([0.05, 0.3, 1.0, 2.0]))
def test_no_group_holds_two_of_one_chunk(speakers: list[ChunkSpeaker], limit: float) -> None:
    groups = link_speakers(speakers, limit)
    for group in partition(speakers, groups):
        chunks = [chunk for chunk, _ in group]
        assert len(set(chunks)) == len(chunks)
    assert sorted(set(groups)) == list(range(len(set(groups))))  # numbered without a gap


@given(recordings())
def test_what_is_left_apart_could_not_be_joined(speakers: list[ChunkSpeaker]) -> None:
    """Of any two groups left, either they share a chunk or they are too far apart."""
    limit = 0.3
    groups = link_speakers(speakers, limit)
    members: dict[int, list[ChunkSpeaker]] = {}
    for speaker_, group in zip(speakers, groups, strict=True):
        members.setdefault(group, []).append(speaker_)
    for one, other in itertools.combinations(members.values(), 2):
        if {s.chunk for s in one} & {s.chunk for s in other}:
            continue
        weights, apart = [], []
        for a, b in itertools.product(one, other):
            if a.voice is not None and b.voice is not None:
                weights.append(max(a.seconds, 1e-6) * max(b.seconds, 1e-6))
                apart.append(1 - float(a.voice @ b.voice))
        if weights:  # who has no voice is alone
            assert np.average(apart, weights=weights) > limit - 1e-6
