"""Windows over speech, their grouping by voice, and where one voice follows another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.backends.windows import (
    best_path,
    cut_windows,
    group_voices,
    join_small,
    mean_voices,
)


def voices(*groups: int, noise: float = 0.1, seed: int = 0) -> NDArray[np.float32]:
    """A vector near the axis of each group's number."""
    generator = np.random.default_rng(seed)
    vectors = np.eye(16)[list(groups)] + noise * generator.normal(size=(len(groups), 16))
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


@given(st.integers(0, 1000), st.integers(1, 500), st.integers(1, 100), st.integers(1, 100))
def test_windows_cover_the_region_and_nothing_else(
    begin: int, length: int, window: int, hop: int
) -> None:
    spans = cut_windows((begin, begin + length), window, hop)
    assert (spans[0][0], spans[-1][1]) == (begin, begin + length)
    if len(spans) > 1:
        assert {end - start for start, end in spans} == {window}
        steps = np.diff([start for start, _ in spans])
        assert steps.min() >= 0
        assert steps.max() <= hop


def test_a_region_up_to_one_and_a_half_windows_is_one() -> None:
    assert len(cut_windows((0, 149), 100, 50)) == 1
    assert len(cut_windows((0, 150), 100, 50)) == 2


def test_groups_are_found_and_numbered_by_first_appearance() -> None:
    assert group_voices(voices(3, 3, 1, 3, 7, 1), 0.5).tolist() == [0, 0, 1, 0, 2, 1]
    assert group_voices(voices(5), 0.5).tolist() == [0]
    assert group_voices(np.zeros((0, 16), np.float32), 0.5).tolist() == []


def test_the_limit_of_the_distance_is_inclusive() -> None:
    pair = np.eye(2, dtype=np.float32)
    assert group_voices(pair, 1.0).tolist() == [0, 0]
    assert group_voices(pair, 0.999).tolist() == [0, 1]


@given(st.permutations(range(8)))
def test_grouping_does_not_depend_on_the_order(order: list[int]) -> None:
    vectors = voices(0, 0, 1, 1, 1, 2, 2, 0)
    expected = group_voices(vectors, 0.5)[order]
    found = group_voices(vectors[order], 0.5)
    assert (found[:, None] == found[None]).tolist() == (
        expected[:, None] == expected[None]
    ).tolist()


def test_a_small_group_joins_the_voice_that_is_nearest() -> None:
    vectors = voices(0, 0, 1, 1, 1, noise=0.0)
    vectors = np.vstack([vectors, voices(1, noise=0.3)])
    labels = np.array([0, 0, 1, 1, 1, 2])
    seconds = np.array([2.0, 2.0, 1.0, 1.0, 1.0, 0.4])
    assert join_small(labels, vectors, seconds, 1.0).tolist() == [0, 0, 1, 1, 1, 1]
    assert join_small(labels, vectors, seconds, 0.4).tolist() == labels.tolist()  # inclusive


def test_the_last_group_stays_however_small() -> None:
    assert join_small(np.zeros(2, np.int64), voices(0, 0), np.full(2, 0.1), 5.0).tolist() == [0, 0]
    everyone = join_small(np.arange(3), voices(0, 1, 2), np.full(3, 0.1), 5.0)
    assert everyone.tolist() == [0, 0, 0]


def test_a_mean_voice_has_length_one_and_leans_to_who_speaks_longer() -> None:
    (voice,) = mean_voices(np.zeros(2, np.int64), np.eye(2, dtype=np.float32), np.array([3.0, 1.0]))
    assert voice == pytest.approx(np.array([3, 1]) / np.sqrt(10))
    opposed = np.array([[1, 0], [-1, 0]], np.float32)
    assert np.isfinite(mean_voices(np.zeros(2, np.int64), opposed, np.ones(2))).all()


def test_a_change_must_be_worth_its_cost() -> None:
    likeness = np.array([[0.8, 0.2]] * 3 + [[0.5, 0.6]] + [[0.8, 0.2]] * 3, np.float32)
    assert best_path(likeness, 0.3).tolist() == [0] * 7
    assert best_path(likeness, 0.0).tolist() == [0, 0, 0, 1, 0, 0, 0]
    lasting = np.array([[0.8, 0.2]] * 3 + [[0.5, 0.6]] * 9, np.float32)
    assert best_path(lasting, 0.3).tolist() == [0] * 3 + [1] * 9


@given(st.integers(1, 12), st.integers(1, 4), st.floats(0, 1), st.integers(0, 99))
def test_the_path_is_the_best_there_is(windows: int, speakers: int, cost: float, seed: int) -> None:
    likeness = np.random.default_rng(seed).uniform(-1, 1, (min(windows, 5), speakers))

    def worth(path: tuple[int, ...]) -> float:
        changes = sum(a != b for a, b in zip(path, path[1:], strict=False))
        return float(sum(likeness[i, s] for i, s in enumerate(path)) - cost * changes)

    found = tuple(best_path(likeness.astype(np.float32), cost).tolist())
    every = np.ndindex(*[speakers] * len(likeness))
    assert worth(found) == pytest.approx(max(map(worth, every)), abs=1e-5)
