from __future__ import annotations

import pytest
import torch

from trainer.kl import ESTIMATORS, KlName


@pytest.mark.parametrize(("name", "mean"), [("k1", True), ("k2", False), ("k3", True)])
def test_the_unbiased_ones_have_the_divergence_as_their_mean(name: KlName, mean: bool) -> None:
    p = torch.tensor([0.5, 0.3, 0.2])
    q = torch.tensor([0.25, 0.25, 0.5])
    exact = (p * (p / q).log()).sum()
    expected = (p * ESTIMATORS[name](p.log(), q.log())).sum()  # x drawn from p
    assert bool(torch.isclose(expected, exact, atol=1e-6)) is mean


def test_by_hand() -> None:
    logprobs, ref = torch.tensor([-1.0]), torch.tensor([-2.0])
    assert ESTIMATORS["k1"](logprobs, ref).item() == 1.0
    assert ESTIMATORS["k2"](logprobs, ref).item() == 0.5
    assert ESTIMATORS["k3"](logprobs, ref).item() == pytest.approx(2.718281828**-1 + 1 - 1)


@pytest.mark.parametrize("name", ["k2", "k3"])
def test_it_is_never_negative_and_zero_where_both_agree(name: KlName) -> None:
    logprobs = torch.linspace(-9, 0, 50)
    for shift in (-2.0, 0.0, 1e-3, 2.0):
        values = ESTIMATORS[name](logprobs, logprobs + shift)
        assert bool((values >= 0).all()) and bool((values == 0).all()) == (shift == 0.0)
