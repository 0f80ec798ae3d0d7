"""Krippendorff's alpha against the worked example of its author."""

import pytest

from trainer.listening.agreement import krippendorff_alpha

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve
# units, missing data. He works it to 0.849 for interval data.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)


def test_the_authors_example() -> None:
    units = [
        [value for value in unit if value is not None] for unit in zip(*OBSERVERS, strict=True)
    ]
    alpha = krippendorff_alpha(units)
    assert alpha is not None
    assert round(alpha, 3) == 0.849


def test_it_does_not_depend_on_scale_or_origin() -> None:
    units = [[1.0, 2.0, 4.0], [3.0, 3.0], [5.0, 4.0, 5.0]]
    moved = [[10 * value - 7 for value in unit] for unit in units]
    assert krippendorff_alpha(moved) == pytest.approx(krippendorff_alpha(units))


def test_raters_who_contradict_each_other_are_worse_than_chance() -> None:
    alpha = krippendorff_alpha([[1, 5], [5, 1], [1, 5]])
    assert alpha is not None and alpha < 0


def test_where_there_is_nothing_to_agree_about() -> None:
    assert krippendorff_alpha([]) is None
    assert krippendorff_alpha([[1], [2], []]) is None
    assert krippendorff_alpha([[0.1, 0.1], [0.1, 0.1, 0.1]]) is None
