"""How far raters agree: Krippendorff's alpha."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def krippendorff_alpha(units: Iterable[Sequence[float]]) -> float | None:
    """Krippendorff's alpha for interval data (Computing Krippendorff's Alpha-Reliability, 2011).

    One minus the disagreement that there is over the disagreement that chance would bring. A
    disagreement of two ratings is the square of their difference; ratings on these scales are
    equal steps apart. Raters may have rated different items.

    Args:
        units: ratings of one item each; those with fewer than two ratings say nothing and are
            left out.

    Returns:
        1: they agree in all; 0: as chance would; below: less than that. None: no item has two
        ratings, or all ratings are the same, so that there is nothing to agree about.

    >>> krippendorff_alpha([[1, 1], [2, 2], [5, 5]])
    1.0

    Two items, rated 1 and 2, and 3 and 3: observed are 1 in four pairable ratings (the pair 1, 2
    counted both ways, 2 in 4), expected the mean over all 12 ordered pairs of 1, 2, 3, 3, which is
    (1 + 4 + 4 + 1 + 1 + 0) * 2 / 12 = 22 / 12. Alpha is 1 - 0.5 / (22 / 12) = 8 / 11.

    >>> round(krippendorff_alpha([[1, 2], [3, 3], [4]]), 6) == round(8 / 11, 6)
    True
    """
    pairable = [unit for unit in units if len(unit) > 1]
    values = [value for unit in pairable for value in unit]
    count = len(values)
    if not count:
        return None
    expected = _differences(values) / (count - 1)
    if expected == 0:
        return None
    observed = sum(_differences(unit) / (len(unit) - 1) for unit in pairable)
    return 1 - observed / expected


def _differences(values: Sequence[float]) -> float:
    """Squared differences over all ordered pairs, by sums: 2 (n sum(x^2) - sum(x)^2).

    Values are first moved by their first one, which changes no difference: equal ones give 0.
    """
    moved = [value - values[0] for value in values]
    total = sum(moved)
    return 2 * (len(moved) * sum(value * value for value in moved) - total * total)
