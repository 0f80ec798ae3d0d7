"""MOS and CMOS: intervals against scipy, and their coverage."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from trainer.metrics.opinion import mean_opinion


def test_interval_is_students_t() -> None:
    scores = list(map(float, np.random.default_rng(1).integers(1, 6, 37)))
    found = mean_opinion(scores)
    low, high = scipy.stats.t.interval(
        0.95, len(scores) - 1, np.mean(scores), scipy.stats.sem(scores)
    )
    assert found.value == pytest.approx(np.mean(scores))
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(high)
    assert found.count == 37


def test_interval_covers_the_mean_in_95_of_100_tests() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(1000):
        found = mean_opinion(list(rng.normal(3.5, 0.8, 12)))
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 3.5 <= found.high
    assert 0.93 < hits / 1000 < 0.97


def test_over_items_ratings_of_one_item_count_once() -> None:
    scores = [5.0, 5.0, 5.0, 5.0, 1.0]
    found = mean_opinion(scores, ["a", "a", "a", "a", "b"])
    assert (found.value, found.count) == (3.0, 2)
    alone = mean_opinion([5.0, 1.0])
    assert (found.low, found.high) == (alone.low, alone.high)


def test_over_items_the_interval_covers_where_over_ratings_it_does_not() -> None:
    rng = np.random.default_rng(3)
    items = np.repeat(np.arange(10), 5).tolist()
    covered = {"items": 0, "ratings": 0}
    for _ in range(400):
        scores = list(np.repeat(rng.normal(3.0, 1.0, 10), 5) + rng.normal(0, 0.3, 50))
        for name, found in (
            ("items", mean_opinion(scores, items)),
            ("ratings", mean_opinion(scores)),
        ):
            assert found.low is not None
            assert found.high is not None
            covered[name] += found.low <= 3.0 <= found.high
    assert 0.92 < covered["items"] / 400 < 0.98
    assert covered["ratings"] / 400 < 0.8


def test_few_ratings() -> None:
    assert mean_opinion([]).value is None
    one = mean_opinion([4.5])
    assert (one.value, one.low, one.high) == (4.5, None, None)
    same = mean_opinion([2.0, 2.0, 2.0])
    assert (same.low, same.high) == (2.0, 2.0)
