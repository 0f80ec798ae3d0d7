from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.advantages import EPS, advantages, spread
from trainer.gate import gated_rewards

APPROX = 1e-12


def approx(values: list[float]) -> object:
    return pytest.approx(values, abs=APPROX)


def test_one_reward_by_hand() -> None:
    """Rewards 1, 2, 3, 6: mean 3, unbiased variance (4 + 1 + 0 + 9) / 3."""
    found = advantages({"r": [1, 2, 3, 6]}, 4)
    deviation = math.sqrt(14 / 3)
    assert list(found.values) == approx([x / (deviation + 1e-4) for x in (-2, -1, 0, 3)])


def test_two_rewards_are_normalised_one_by_one_and_added() -> None:
    """FlexiVoice 3.2.2. r_ser 0.2, 0.4, 0.6 (std 0.2), r_sv 1, 1, 0 (mean 2/3, std sqrt(1/3))."""
    found = advantages({"ser": [0.2, 0.4, 0.6], "sv": [1, 1, 0]}, 3, eps=0.0)
    third = math.sqrt(1 / 3)
    by_hand = [-1 + (1 / 3) / third, 0 + (1 / 3) / third, 1 - (2 / 3) / third]
    assert list(found.values) == approx(by_hand)
    assert list(found.values) == approx(
        [-0.4226497308103743, 0.5773502691896257, -0.1547005383792515]
    )


def test_adding_first_is_another_thing() -> None:
    """MCLP eq. 6 is of one reward; sums 1.2, 1.4, 0.6 have mean 16/15 and another order of size."""
    rewards = {"ser": [0.2, 0.4, 0.6], "sv": [1.0, 1.0, 0.0]}
    found = advantages(rewards, 3, "scalar", eps=0.0)
    deviation = math.sqrt(sum((x - 16 / 15) ** 2 for x in (1.2, 1.4, 0.6)) / 2)
    assert list(found.values) == approx([(x - 16 / 15) / deviation for x in (1.2, 1.4, 0.6)])
    assert found.dead_groups == {"ser+sv": 0}


def test_gdpo_by_hand_normalises_over_the_batch_as_well() -> None:
    rewards = {"a": [0, 1, 5, 5]}  # the second group is dead
    found = advantages(rewards, 2, "gdpo", eps=0.0)
    half = math.sqrt(0.5)
    deviation = math.sqrt((half**2 + half**2 + 0 + 0) / 3)
    assert list(found.values) == approx([-half / deviation, half / deviation, 0, 0])


def test_the_step_of_gdpo_depends_on_how_many_groups_are_alive() -> None:
    """The trap: "normalise then sum" re-normalises; the paper's step stays as it is."""
    ratios = {}
    for live in (1, 4, 16, 32):
        chance = random.Random(live)
        groups = [[chance.random() for _ in range(8)] for _ in range(live)]
        groups += [[0.5] * 8 for _ in range(32 - live)]
        rewards = {"r": [value for group in groups for value in group]}
        paper, gdpo = advantages(rewards, 8), advantages(rewards, 8, "gdpo")
        first = slice(0, 8)
        assert np.std(paper.values[first], ddof=1) == pytest.approx(1, abs=1e-2)
        ratios[live] = np.std(gdpo.values[first]) / np.std(paper.values[first])
    assert ratios[1] > 5 and 1.0 < ratios[32] < 1.1
    assert ratios[1] > ratios[4] > ratios[16] > ratios[32]
    both = {name: [float(i % 8) for i in range(64)] for name in ("a", "b")}  # two that agree
    twice, shrunk = advantages(both, 8), advantages(both, 8, "gdpo")
    assert np.std(shrunk.values) / np.std(twice.values) == pytest.approx(0.53, abs=0.01)


def test_equal_rewards_with_float_noise_are_a_dead_group() -> None:
    """The trap: noise of 2e-6 becomes |A| of 1.2 where only a small eps stands against it."""
    rewards = {"r": [0.7 + 2e-6, *[0.7 - 2e-6] * 7]}
    found = advantages(rewards, 8)
    assert found.values == (0.0,) * 8
    assert found.dead_groups == {"r": 1} and found.all_dead == 1
    by_eps = advantages(rewards, 8, eps=1e-6, tolerance=0.0)
    assert max(map(abs, by_eps.values)) > 1.2


def test_the_range_decides_and_its_limit_is_still_dead() -> None:
    assert advantages({"r": [0.0, 1e-5]}, 2).all_dead == 1
    assert advantages({"r": [0.0, 1.1e-5]}, 2).all_dead == 0


def test_a_reward_that_was_not_asked_for_has_no_part_in_anything() -> None:
    """S2 rows have ser and sv, S3 rows llm; in one batch (FlexiVoice 3.2.3)."""
    rewards: dict[str, list[float | None]] = {
        "ser": [0.1, 0.5, None, None],
        "sv": [1, 1, None, None],
        "llm": [None, None, 0, 1],
    }
    found = advantages(rewards, 2, eps=0.0)
    half = math.sqrt(0.5)
    assert list(found.values) == approx([-half, half, -half, half])
    assert found.dead_groups == {"ser": 0, "sv": 1, "llm": 0}
    assert found.all_dead == 0 and found.groups == 2 and all(found.scored)


def test_a_reward_that_failed_for_one_rollout_leaves_the_others_theirs() -> None:
    found = advantages({"r": [1, None, 3, 2]}, 4, eps=0.0)
    assert list(found.values) == approx([-1, 0, 1, 0])
    assert found.scored == (True, False, True, True)


def test_a_sum_with_a_part_missing_is_no_sum() -> None:
    found = advantages({"a": [1, 2, 3], "b": [1, None, 5]}, 3, "scalar", eps=0.0)
    half = math.sqrt(0.5)
    assert list(found.values) == approx([-half, 0, half])
    assert found.scored == (True, False, True)
    apart = advantages({"a": [1, 3, None, None], "b": [None, None, 2, 4]}, 2, "scalar", eps=0.0)
    assert list(apart.values) == approx([-half, half, -half, half])


def test_one_value_alone_is_dead() -> None:
    found = advantages({"r": [None, 5.0]}, 2)
    assert found.values == (0.0, 0.0) and found.dead_groups == {"r": 1}


def test_weights_weigh_the_normalised_rewards() -> None:
    found = advantages({"a": [0, 1], "b": [1, 0]}, 2, weights={"b": 0.25}, eps=0.0)
    half = math.sqrt(0.5)
    assert list(found.values) == approx([-0.75 * half, 0.75 * half])


groups = st.lists(st.floats(-100, 100), min_size=4, max_size=4)


@given(st.lists(groups, min_size=1, max_size=5), st.floats(0.01, 100), st.floats(-100, 100))
def test_of_each_group_they_sum_to_zero_and_only_the_order_matters(
    rows: list[list[float]], scale: float, shift: float
) -> None:
    found = advantages({"r": [value for row in rows for value in row]}, 4, eps=0.0, tolerance=0.0)
    for number, row in enumerate(rows):
        own = found.values[4 * number : 4 * number + 4]
        assert sum(own) == pytest.approx(0, abs=1e-9)
        if max(row) - min(row) > 1e-3:
            assert np.std(own, ddof=1) == pytest.approx(1, abs=1e-6)
            changed = [scale * value + shift for value in row]
            again = advantages({"r": changed}, 4, eps=0.0, tolerance=0.0).values
            assert again == pytest.approx(own, abs=1e-6)


@pytest.mark.parametrize(
    ("rewards", "size", "words"),
    [
        ({}, 2, "not none"),
        ({"a": [1, 2], "b": [1]}, 1, "as many rollouts"),
        ({"a": [1, 2, 3]}, 2, "3 rollouts are not whole groups of 2"),
        ({"a": [1, 2]}, 0, "not whole groups of 0"),
        ({"a": [1, math.nan]}, 2, "reward a is not finite"),
    ],
)
def test_what_cannot_be_is_an_error(
    rewards: dict[str, list[float | None]], size: int, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        advantages(rewards, size)


def test_a_weight_for_no_reward_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"weights for \['style'\]"):
        advantages({"r": [0, 1]}, 2, weights={"style": 2.0})


def test_a_closed_gate_swamps_the_style_signal() -> None:
    """The trap, and the way out: one of eight gated; the others' MCLPs differ as rollouts do."""
    mclp: list[float | None] = [-4.72, -4.70, -4.66, -4.64, -4.60, -4.58, -4.55, -4.50]
    cer: list[float | None] = [*[0.0] * 7, 0.9]
    ungated = advantages({"r": mclp[:7]}, 7)
    paper = gated_rewards(mclp, cer)
    in_paper = advantages(paper.rewards, 8)
    apart = gated_rewards(mclp, cer, "separate")
    in_separate = advantages(apart.rewards, 8)
    assert paper.passed == apart.passed == [True] * 7 + [False]
    assert spread(ungated.values, [True] * 7, 7) == pytest.approx(1.0, abs=0.01)
    in_the_shadow = spread(in_paper.values, paper.passed, 8)
    assert in_the_shadow is not None and in_the_shadow < 0.02
    assert spread(in_separate.values, apart.passed, 8) == pytest.approx(1.0, abs=0.01)
    assert min(in_paper.values) == in_paper.values[7] < -2
    assert min(in_separate.values) == in_separate.values[7] < -2


def test_the_spread_of_too_few_survivors_is_not_known() -> None:
    assert spread([1.0, 2.0], [True, False], 2) is None
    assert spread([1.0, 3.0, 0.0, 9.0], [True, True, True, False], 2) == math.sqrt(2)
    assert EPS == 1e-4
