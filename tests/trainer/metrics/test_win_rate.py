"""Win rate against MCLP: pairs by hand, rates that are known, and intervals that cover them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from trainer.errors import UsageError
from trainer.metrics.win_rate import WinRate, WinRateSettings, win_rate

FEW = WinRateSettings(draws=100)
NOISE = 0.05  # of an opinion, in MCLP's unit


def _by_hand(
    mclp: list[float], opinion: list[float], edges: list[float]
) -> list[tuple[int, float | None]]:
    """The definition, pair by pair."""
    wins: list[list[float]] = [[] for _ in edges[1:]]
    for i, j in itertools.combinations(range(len(mclp)), 2):
        gap = abs(mclp[i] - mclp[j])
        if gap == 0:
            continue
        higher, lower = (i, j) if mclp[i] > mclp[j] else (j, i)
        won = opinion[higher] > opinion[lower]
        for k, (low, high) in enumerate(itertools.pairwise(edges)):
            if low <= gap < high or (k == len(edges) - 2 and gap == high):
                wins[k].append(0.5 if opinion[higher] == opinion[lower] else float(won))
    return [(len(one), sum(one) / len(one) if one else None) for one in wins]


@pytest.mark.parametrize("seed", range(5))
def test_pairs_bins_and_ties_are_those_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mclp = list(map(float, rng.integers(0, 12, 25) / 4))
    opinion = list(map(float, rng.integers(1, 5, 25)))
    edges = [0.0, 0.5, 1.0, 2.0, 2.5, 2.75]
    found = win_rate(mclp, opinion, list(map(str, range(25))), FEW, edges)
    expected = _by_hand(mclp, opinion, edges)
    assert [one.pairs for one in found.bins] == [pairs for pairs, _ in expected]
    for one, (_, rate) in zip(found.bins, expected, strict=True):
        assert one.win_rate == (None if rate is None else pytest.approx(rate))
    assert sum(one.pairs for one in found.bins) + found.no_difference == 25 * 24 // 2


def test_ties_half_loss_or_left_out() -> None:
    mclp, opinion, names = [0.0, 1.0, 2.0], [3.0, 3.0, 4.0], ["a", "b", "c"]

    def rate(ties: str) -> list[float | None]:
        settings = WinRateSettings.model_validate({"bins": 1, "draws": 100, "ties": ties})
        found = win_rate(mclp, opinion, names, settings)
        return [found.bins[0].win_rate, found.left_out]

    assert rate("half") == [pytest.approx(2.5 / 3), 0]
    assert rate("loss") == [pytest.approx(2 / 3), 0]
    assert rate("leave_out") == [1.0, 1]


def test_equal_count_and_equal_width() -> None:
    rng = np.random.default_rng(1)
    mclp, opinion = list(rng.exponential(1, 60)), list(rng.normal(0, 1, 60))
    names = list(map(str, range(60)))
    pairs = 60 * 59 // 2
    equal = win_rate(mclp, opinion, names, FEW)
    assert len(equal.bins) == 10
    assert {one.pairs for one in equal.bins} == {pairs // 10}
    wide = win_rate(mclp, opinion, names, WinRateSettings(kind="equal_width", draws=100))
    assert np.ptp([one.highest - one.lowest for one in wide.bins]) < 1e-12
    assert sum(one.pairs for one in wide.bins) == pairs
    assert wide.bins[0].pairs > wide.bins[-1].pairs


def test_within_clusters_only_pairs_of_a_cluster() -> None:
    # Lines differ much in MCLP; within a line the higher one is always the better one.
    mclp = [1.0, 2.0, 11.0, 12.0, 21.0, 22.0]
    opinion = [4.0, 5.0, 2.0, 3.0, 0.0, 1.0]
    lines = ["a", "a", "b", "b", "c", "c"]
    settings = WinRateSettings(bins=1, pairs="cluster", draws=100)
    assert win_rate(mclp, opinion, lines, settings).bins[0].win_rate == 1.0
    over_all = win_rate(mclp, opinion, lines, WinRateSettings(bins=1, draws=100))
    assert over_all.bins[0].win_rate == pytest.approx(3 / 15)


def _drawn(rng: np.random.Generator, count: int) -> tuple[list[float], list[float], list[str]]:
    """Opinions that are MCLP and noise: a pair that differs by d wins with Phi(d / noise / 1.4)."""
    mclp = rng.uniform(-5.0, -4.6, count)
    return list(mclp), list(mclp + rng.normal(0, NOISE, count)), list(map(str, range(count)))


def _expected(low: float, high: float) -> float:
    """The mean over a bin of gaps between two uniform draws of a range of 0.4."""
    gaps = np.linspace(low, high, 2001)
    weights = 0.4 - gaps
    return float(np.average(scipy.stats.norm.cdf(gaps / NOISE / np.sqrt(2)), weights=weights))


def test_rates_are_those_that_the_noise_makes() -> None:
    edges = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4]
    found = win_rate(*_drawn(np.random.default_rng(11), 1500), FEW, edges)
    for one in found.bins:
        assert one.win_rate == pytest.approx(_expected(one.lowest, one.highest), abs=0.02)


def test_without_any_relation_the_rate_is_one_half() -> None:
    rng = np.random.default_rng(12)
    mclp, opinion = list(rng.normal(0, 1, 800)), list(map(float, rng.integers(1, 6, 800)))
    found = win_rate(mclp, opinion, list(map(str, range(800))), FEW)
    assert np.mean([one.win_rate for one in found.bins if one.win_rate is not None]) == (
        pytest.approx(0.5, abs=0.04)
    )


@pytest.mark.parametrize("copies", [1, 3])
def test_intervals_cover_the_true_rate_in_about_95_of_100_tests(copies: int) -> None:
    """With copies, a cluster is a line that several systems say, with one noise for all of them."""
    rng = np.random.default_rng(13)
    edges, settings = [0.0, 0.05, 0.12, 0.4], WinRateSettings(draws=300)
    true = [_expected(low, high) for low, high in itertools.pairwise(edges)]
    covered, naive, tests = np.zeros(3), np.zeros(3), 150
    for _ in range(tests):
        mclp, opinion, names = _drawn(rng, 60)
        if copies > 1:  # nearly the same speech several times: no new knowledge
            mclp = [value + 1e-6 * copy for value in mclp for copy in range(copies)]
            opinion, names = (
                [value for value in opinion for _ in range(copies)],
                [name for name in names for _ in range(copies)],
            )
        found = win_rate(mclp, opinion, names, settings, edges)
        for k, (one, rate) in enumerate(zip(found.bins, true, strict=True)):
            assert one.low is not None
            assert one.high is not None
            assert one.win_rate is not None
            covered[k] += one.low <= rate <= one.high
            half = 1.96 * np.sqrt(one.win_rate * (1 - one.win_rate) / one.pairs)
            naive[k] += abs(one.win_rate - rate) <= half
    # Copies differ by next to nothing and have equal opinions: the first bin has those as well.
    first = 0 if copies == 1 else 1
    assert (np.abs(covered[first:] / tests - 0.95) < 0.06).all(), covered / tests
    if copies > 1:  # as if all pairs were independent: far too narrow
        assert (naive[first:] / tests < 0.8).all(), naive / tests


def test_a_bin_that_is_always_won_is_not_certain() -> None:
    mclp = list(map(float, range(20)))
    found = win_rate(mclp, mclp, list(map(str, range(20))), FEW, [0.0, 19.0])
    # Ten pairs of twenty utterances share none. With p per win, all ten are won with p^10.
    assert found.bins[0].low == pytest.approx(0.025**0.1)
    assert found.bins[0].high == 1.0
    lost = win_rate(mclp, [-one for one in mclp], list(map(str, range(20))), FEW, [0.0, 19.0])
    assert lost.bins[0].low == 0.0
    assert lost.bins[0].high == pytest.approx(1 - 0.025**0.1)


def test_the_same_seed_gives_the_same_intervals() -> None:
    data = _drawn(np.random.default_rng(14), 40)
    first, again = win_rate(*data, FEW), win_rate(*data, FEW)
    other = win_rate(*data, WinRateSettings(draws=100, seed=1))
    assert first == again

    def lows(found: WinRate) -> list[float | None]:
        return [one.low for one in found.bins]

    assert lows(first) != lows(other)
    assert [one.win_rate for one in first.bins] == [one.win_rate for one in other.bins]


def test_what_cannot_be_compared_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"1 cluster\(s\)"):
        win_rate([1.0, 2.0], [1.0, 2.0], ["a", "a"])
    with pytest.raises(UsageError, match="no two utterances differ"):
        win_rate([1.0, 1.0], [1.0, 2.0], ["a", "b"])
    with pytest.raises(UsageError, match="not a finite number"):
        win_rate([1.0, float("nan")], [1.0, 2.0], ["a", "b"])
    with pytest.raises(ValueError, match="as many"):
        win_rate([1.0], [1.0, 2.0], ["a", "b"])
