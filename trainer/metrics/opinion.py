"""MOS and CMOS: what listeners say, as a mean with a 95 % interval.

FlexiVoice A.9: Q-MOS from 1 to 5, CMOS from -2 to 2 against the ground truth. MCLP 6.1: MOS from
0.5 to 5 in steps of a half. Both papers print intervals and neither says how they are made: here
they are Student's t, over ratings or, where items are given, over the items' means. Ratings of one
item are not independent; over items the interval is honest, and wider.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence

from trainer.metrics.figure import Figure, no_figure

CONFIDENCE = 0.95


def mean_opinion(scores: Sequence[float], items: Sequence[Hashable] | None = None) -> Figure:
    """Mean with its 95 % t-interval; no interval from fewer than two.

    Args:
        scores: ratings, in points.
        items: what each is of; ratings of one item then count as one, their mean, and `count` is
            the number of items.

    >>> found = mean_opinion([3.0, 4.0, 5.0])
    >>> found.value, round(found.low, 3), round(found.high, 3), found.count
    (4.0, 1.516, 6.484, 3)
    """
    if items is not None:
        by_item: defaultdict[Hashable, list[float]] = defaultdict(list)
        for item, score in zip(items, scores, strict=True):
            by_item[item].append(score)
        scores = [math.fsum(ratings) / len(ratings) for ratings in by_item.values()]
    if not scores:
        return no_figure("no ratings")
    mean = math.fsum(scores) / len(scores)
    if len(scores) < 2:
        return Figure(mean, len(scores))
    half = _half_width(scores, mean)
    return Figure(mean, len(scores), low=mean - half, high=mean + half)


def _half_width(scores: Sequence[float], mean: float) -> float:
    import scipy.stats

    variance = math.fsum((score - mean) ** 2 for score in scores) / (len(scores) - 1)
    quantile = float(scipy.stats.t.ppf(0.5 + CONFIDENCE / 2, len(scores) - 1))
    return quantile * math.sqrt(variance / len(scores))
