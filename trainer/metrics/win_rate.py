"""Whether a higher MCLP means a better opinion: win rate against their difference (MCLP 6.3).

Of every pair of utterances that differ in MCLP, the one with the higher MCLP wins where it also has
the higher mean opinion score. Pairs are put into ten bins by how much they differ (Figure 5). Near
no difference the rate is one half by chance; the paper has over 0.8 from a difference of 0.1 on.

What the paper leaves open, and what is done here: bins hold equally many pairs (or are equally
wide); equal opinions count as half a win, so that chance is one half however coarse the scale is;
intervals are 95 % percentiles of a bootstrap over clusters. Pairs share utterances, so they are no
independent cases: of simulated tests with 155 utterances a binomial interval holds the true rate in
half. The bootstrap's holds it in 92 to 99 of 100, most where the rate is near chance.

Shapes: P points, C clusters, K bins, B draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from trainer.errors import UsageError
from trainer.settings import Strict

Array = NDArray[np.float64]
_LEVELS = (0.025, 0.975)
_DRAWS_AT_ONCE = 64


class WinRateSettings(Strict):
    """What the paper leaves open."""

    bins: Annotated[int, Field(ge=1, le=100)] = 10  # MCLP 6.3
    kind: Literal["equal_count", "equal_width"] = "equal_count"
    ties: Literal["half", "loss", "leave_out"] = "half"  # equal opinions
    # `all`: as the paper. `cluster`: only pairs within a cluster, such as several systems' speech
    # of one line; MCLP of different lines differs by the lines too.
    pairs: Literal["all", "cluster"] = "all"
    draws: Annotated[int, Field(ge=100)] = 2000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs that differ about equally."""

    lowest: float  # difference in MCLP, nats a token
    highest: float
    pairs: int
    win_rate: float | None  # 0 to 1; None: no pair
    low: float | None  # 95 % interval
    high: float | None


@dataclass(frozen=True, slots=True)
class WinRate:
    """The bins, and what is in none."""

    bins: tuple[Bin, ...]
    no_difference: int  # pairs of equal MCLP: neither is the higher
    left_out: int  # pairs of equal opinions, where those are left out


def win_rate(
    mclp: Sequence[float],
    opinion: Sequence[float],
    clusters: Sequence[str],
    settings: WinRateSettings | None = None,
    edges: Sequence[float] | None = None,
) -> WinRate:
    """Win rates by bins of the difference in MCLP, with intervals.

    Args:
        mclp: of each utterance, ``[P]``, nats a token.
        opinion: mean score of each, ``[P]``.
        clusters: what is drawn as one in the bootstrap: the id of the line or scene that the
            utterance is of, or of the utterance where all lines differ.
        settings: see there.
        edges: of the bins, one more than bins; None: as the settings say.

    Raises:
        UsageError: there are fewer than two clusters, no pair differs in MCLP, or a value is not
            finite.

    >>> found = win_rate([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], ["a", "b", "c"], edges=[0, 1.5, 3])
    >>> [(one.pairs, one.win_rate) for one in found.bins]
    [(2, 1.0), (1, 1.0)]
    """
    settings = settings or WinRateSettings()
    mclp_P, opinion_P = np.asarray(mclp, np.float64), np.asarray(opinion, np.float64)
    if not len(mclp_P) == len(opinion_P) == len(clusters):
        raise ValueError("as many MCLP as opinions and clusters")
    if not (np.isfinite(mclp_P).all() and np.isfinite(opinion_P).all()):
        raise UsageError("an MCLP or an opinion is not a finite number: leave that utterance out")
    names, cluster_P = np.unique(np.asarray(clusters), return_inverse=True)
    if len(names) < 2:
        raise UsageError(f"{len(names)} cluster(s): an interval needs two at least")
    pairs = _pairs(mclp_P, opinion_P, cluster_P, len(names), settings)
    if not len(pairs.gap):
        raise UsageError("no two utterances differ in MCLP: there is nothing to compare")
    cuts = _edges(pairs.gap, settings) if edges is None else np.asarray(edges, np.float64)
    place = np.searchsorted(cuts, pairs.gap, side="right") - 1
    place[pairs.gap == cuts[-1]] = len(cuts) - 2  # the last bin has its upper edge
    bins = []
    for k in range(len(cuts) - 1):
        here = place == k
        bins.append(
            _bin((cuts[k], cuts[k + 1]), pairs.won[here], pairs.cell[here], len(names), settings)
        )
    return WinRate(tuple(bins), pairs.no_difference, pairs.left_out)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """All pairs that count, each once."""

    gap: Array  # how much they differ in MCLP, above 0
    won: Array  # 1, 0, or a half
    cell: NDArray[np.int64]  # place in a matrix [C, C] of their clusters
    no_difference: int
    left_out: int


def _pairs(
    mclp_P: Array,
    opinion_P: Array,
    cluster_P: NDArray[np.int64],
    n_clusters: int,
    settings: WinRateSettings,
) -> _Pairs:
    first, second = np.triu_indices(len(mclp_P), k=1)
    if settings.pairs == "cluster":
        inside = cluster_P[first] == cluster_P[second]
        first, second = first[inside], second[inside]
    gap = mclp_P[first] - mclp_P[second]
    better = np.sign(opinion_P[first] - opinion_P[second]) * np.sign(gap)
    differ = gap != 0
    counted = differ if settings.ties != "leave_out" else differ & (better != 0)
    tied = 0.5 if settings.ties == "half" else 0.0
    won = np.where(better > 0, 1.0, np.where(better == 0, tied, 0.0))
    cell = cluster_P[first] * n_clusters + cluster_P[second]
    return _Pairs(
        np.abs(gap[counted]),
        won[counted],
        cell[counted],
        int((~differ).sum()),
        int(differ.sum() - counted.sum()),
    )


def _edges(gaps: Array, settings: WinRateSettings) -> Array:
    if settings.kind == "equal_width":
        return np.linspace(0.0, float(gaps.max()), settings.bins + 1)
    shares = np.linspace(0.0, 1.0, settings.bins + 1)
    cuts = np.asarray(np.quantile(gaps, shares), np.float64)
    cuts[0] = 0.0
    distinct: Array = np.unique(cuts)  # many equal differences make fewer bins
    return distinct


def _bin(
    edges: tuple[float, float],
    won: Array,
    cell: NDArray[np.int64],
    n_clusters: int,
    settings: WinRateSettings,
) -> Bin:
    """One bin; all bins see the same draws."""
    lowest, highest = map(float, edges)
    if not len(won):
        return Bin(lowest, highest, 0, None, None, None)
    shape = (n_clusters, n_clusters)
    size = n_clusters**2
    won_CC: Array = np.bincount(cell, won, size).astype(np.float64).reshape(shape)
    all_CC: Array = np.bincount(cell, minlength=size).astype(np.float64).reshape(shape)
    rng = np.random.default_rng(settings.seed)
    rates: list[Array] = []
    for start in range(0, settings.draws, _DRAWS_AT_ONCE):
        draws = min(_DRAWS_AT_ONCE, settings.draws - start)
        chosen_BC = rng.multinomial(n_clusters, [1.0 / n_clusters] * n_clusters, draws)
        weights_BC: Array = chosen_BC.astype(np.float64)
        wins, pairs = (_drawn(weights_BC, matrix, settings) for matrix in (won_CC, all_CC))
        rates.append(np.divide(wins, pairs, out=np.full(draws, np.nan), where=pairs > 0))
    rate = float(won.mean())
    if rate in (0.0, 1.0):
        low, high = _one_sided(rate, int((all_CC + all_CC.T).any(axis=0).sum()))
    else:
        drawn = np.concatenate(rates)
        drawn = drawn[np.isfinite(drawn)]  # a draw without any pair in this bin says nothing
        if not len(drawn):
            return Bin(lowest, highest, len(won), rate, None, None)
        low, high = map(float, np.quantile(drawn, _LEVELS))
    return Bin(lowest, highest, len(won), rate, low, high)


def _one_sided(rate: float, clusters: int) -> tuple[float, float]:
    """Where every pair is won, or lost, so is every draw of them, which would be an interval of 0.

    Clopper and Pearson's for as many pairs as can be independent of each other: half the clusters.
    """
    reach = _LEVELS[0] ** (1.0 / max(clusters // 2, 1))
    return (reach, 1.0) if rate == 1.0 else (0.0, 1.0 - reach)


def _drawn(weights_BC: Array, matrix_CC: Array, settings: WinRateSettings) -> Array:
    """Sum over pairs in each draw.

    A cluster that was drawn k times is k clusters: a pair of two clusters is there as often as the
    product, one within a cluster k times, and, where all pairs are taken, k (k - 1) times more
    between its copies.
    """
    if settings.pairs == "cluster":
        return weights_BC @ np.diagonal(matrix_CC)
    found: Array = np.einsum("bc,bc->b", weights_BC @ matrix_CC, weights_BC)
    return found
