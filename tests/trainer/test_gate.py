from __future__ import annotations

import pytest

from trainer.gate import gated_reward, gated_rewards


@pytest.mark.parametrize(
    ("mclp", "cer", "reward"),
    [
        (-4.636, 0.0, 10.364),
        (-4.636, 0.1, 9.364),  # MCLP + 15 - 10 CER
        (-4.636, 0.2, 8.364),  # a CER of exactly tau passes: eq. 9 has >
        (-4.636, 0.2000001, 0.0),
        (-4.636, 1.7, 0.0),
        (None, 0.5, 0.0),  # whatever the MCLP would be
        (None, 0.1, None),
        (-4.636, None, None),  # a failed ASR is no 0
        (None, None, None),
    ],
)
def test_the_paper_s_reward(mclp: float | None, cer: float | None, reward: float | None) -> None:
    assert gated_reward(mclp, cer) == (None if reward is None else pytest.approx(reward))


def test_separate_makes_two_rewards() -> None:
    found = gated_rewards([-4.0, -5.0, None, -4.5], [0.0, 0.3, 0.1, None], "separate")
    assert found.rewards == {"gate": [1.0, 0.0, 1.0, None], "style": [11.0, None, None, None]}
    assert found.passed == [True, False, False, False]


def test_constants_are_arguments() -> None:
    assert gated_reward(-4.0, 0.3, bias=5.0, penalty=1.0, tolerance=0.5) == pytest.approx(0.7)


def test_what_cannot_be_is_an_error() -> None:
    with pytest.raises(ValueError, match="below 0"):
        gated_reward(-4.0, -0.1)
    with pytest.raises(ValueError, match="2 values of MCLP for 1 of CER"):
        gated_rewards([-4.0, -4.0], [0.1])
