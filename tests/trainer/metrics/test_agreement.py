"""Macro-F1 against scikit-learn's and by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from trainer.metrics.agreement import macro_f1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_is_scikit_learns(pairs: list[tuple[bool, bool]]) -> None:
    verdicts, gold = [one for one, _ in pairs], [other for _, other in pairs]
    expected = f1_score(gold, verdicts, average="macro", zero_division=0.0)
    assert macro_f1(verdicts, gold).value == pytest.approx(expected)


def test_by_hand() -> None:
    # true: 2 hits, 1 false alarm, 1 miss: 4 / 6. false: 1 hit, 1 and 1: 2 / 4.
    verdicts = [True, True, True, False, False]
    gold = [True, True, False, True, False]
    assert macro_f1(verdicts, gold).value == pytest.approx((4 / 6 + 2 / 4) / 2)


def test_a_judge_that_says_yes_to_everything_is_not_taken_for_a_good_one() -> None:
    gold = [True] * 90 + [False] * 10
    found = macro_f1([True] * 100, gold)  # nine of ten verdicts are equal
    assert found.value == pytest.approx((180 / 190) / 2)


def test_a_case_without_both_verdicts_is_left_out_and_counted() -> None:
    found = macro_f1([True, None, False], [True, True, None])
    assert (found.value, found.count, found.left_out) == (1.0, 1, 2)
    assert macro_f1([None], [True]).value is None
    with pytest.raises(ValueError, match="zip"):
        macro_f1([True], [])
