from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.near_duplicates import (
    SimilarPair,
    containment,
    crossing_pairs,
    normal_text,
    similar_pairs,
    sketch,
)
from schemas.facts import Hashes


def made_up(seed: int, characters: int) -> str:
    """Text that nobody else has."""
    chance = random.Random(seed)
    return "".join(chr(chance.randrange(0x4E00, 0x5500)) for _ in range(characters))


def misread(text: str, share: float, seed: int = 0) -> str:
    """The text with a share of its characters read wrong."""
    chance = random.Random(seed)
    return "".join("错" if chance.random() < share else one for one in text)


def kept(text: str) -> Hashes:
    return sketch([text], shingle_characters=6, scale=4)


def pairs(*texts: str) -> list[tuple[str, str]]:
    names = [f"{number:03d}" for number in range(len(texts))]
    found, _ = similar_pairs(names, [kept(text) for text in texts], 0.2, min_hashes=30)
    return [(pair.one, pair.other) for pair in found]


def test_a_second_upload_with_every_tenth_character_misread_is_found() -> None:
    text = made_up(1, 4000)
    assert pairs(text, misread(text, 0.1), made_up(2, 4000)) == [("000", "001")]


def test_an_excerpt_and_a_compilation_are_found() -> None:
    one, other = made_up(1, 4000), made_up(2, 4000)
    assert pairs(one, one[1000:1400], other, other + one) == [
        ("000", "001"),
        ("000", "003"),
        ("001", "003"),
        ("002", "003"),
    ]


def test_a_text_uploaded_many_times_is_one_group_although_all_its_hashes_are_common() -> None:
    texts = [made_up(1, 1000)] * 50 + [made_up(seed, 1000) for seed in range(2, 50)]
    assert pairs(*texts) == [(f"{number:03d}", f"{number + 1:03d}") for number in range(49)]


def test_a_song_in_every_episode_links_nothing() -> None:
    song = made_up(0, 300)
    assert pairs(*(song + made_up(seed, 4000) for seed in range(1, 30))) == []


def test_sentence_boundaries_width_case_and_signs_do_not_matter() -> None:
    one = sketch(["你说什么，租店面", "的钱ABC是哪儿来的"], 6, 1)
    other = sketch(["你说什么 租店面的钱", "ａｂｃ是哪儿来的？"], 6, 1)
    assert np.array_equal(one, other)
    assert normal_text("《Ｓpring  Alley!》") == "springalley"
    assert normal_text("長髮") != normal_text("长发")  # scripts are left alone


def test_hashes_are_the_same_everywhere() -> None:
    assert sketch(["春风小巷第一集"], 6, 1).tolist() == [959749072388988479, 16036883603978919972]


def test_the_sketch_keeps_one_shingle_in_so_many() -> None:
    text = made_up(3, 20_000)
    assert len(sketch([text], 6, 1)) == 20_000 - 5
    assert len(sketch([text], 6, 4)) == pytest.approx(5_000, rel=0.05)
    assert set(sketch([text], 6, 4)) < set(sketch([text], 6, 1))


def test_texts_shorter_than_a_shingle_have_no_hashes() -> None:
    assert len(sketch([], 6, 1)) == len(sketch(["好的", "，好的"], 6, 1)) == 0
    assert containment(sketch([], 6, 1), kept(made_up(1, 1000))) == 0.0


def test_short_sketches_are_not_compared() -> None:
    text = kept(made_up(1, 1000))[:29]
    assert similar_pairs(["A", "B"], [text, text], 0.2, min_hashes=30) == ([], 0)
    assert crossing_pairs([("A", text)], [("B", text)], 0.2, min_hashes=30) == ([], 0)


small_sets = st.lists(st.sets(st.integers(0, 40), max_size=12), max_size=10)


@given(small_sets, st.integers(0, 9), st.sampled_from([0.2, 0.5, 1.0]), st.integers(1, 3))
def test_crossing_pairs_against_comparing_all(
    sets: list[set[int]], cut: int, threshold: float, least: int
) -> None:
    sides = [(str(number), np.array(sorted(one), np.uint64)) for number, one in enumerate(sets)]
    found, compared = crossing_pairs(sides[:cut], sides[cut:], threshold, least)
    right = [
        SimilarPair(one, other, len(sets[int(one)] & sets[int(other)]) / smaller)
        for one, other in itertools.product(
            map(str, range(min(cut, len(sets)))), map(str, range(cut, len(sets)))
        )
        if (smaller := min(len(sets[int(one)]), len(sets[int(other)]))) >= least
        and len(sets[int(one)] & sets[int(other)]) / smaller >= threshold
    ]
    assert found == right
    assert compared >= len(found)


@given(small_sets, st.sampled_from([0.2, 0.5, 1.0]), st.randoms(use_true_random=False))
def test_similar_pairs_are_true_and_do_not_depend_on_order(
    sets: list[set[int]], threshold: float, chance: random.Random
) -> None:
    # Up to 8 sets share all their hashes without any being common: then nothing is passed over.
    rows = [(str(i), np.array(sorted(one), np.uint64)) for i, one in enumerate(sets[:8])]
    found, _ = similar_pairs([n for n, _ in rows], [h for _, h in rows], threshold, 1)
    right = [
        SimilarPair(one, other, containment(left, hashes))
        for (one, left), (other, hashes) in itertools.combinations(rows, 2)
        if containment(left, hashes) >= threshold
    ]
    assert found == right
    chance.shuffle(rows)
    assert similar_pairs([n for n, _ in rows], [h for _, h in rows], threshold, 1)[0] == found
