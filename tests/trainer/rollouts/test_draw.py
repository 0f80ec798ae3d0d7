"""Draws follow the distribution, never leave the support, and say how likely they were."""

from __future__ import annotations

import torch

from trainer.rollouts.draw import draw
from trainer.rollouts.noise import uniforms

V = 50


def _logits(rows: int) -> torch.Tensor:
    return torch.randn(1, V, generator=torch.Generator().manual_seed(0)).expand(rows, V) * 2


def test_draws_follow_the_distribution_over_the_support() -> None:
    rows = 20_000
    allowed = torch.zeros(rows, V, dtype=torch.bool)
    allowed[:, 10:30] = True
    u = uniforms(["x"], rows, 1, seed=0)[:, 0]
    drawn = draw(_logits(rows), allowed, 0.5, u)
    shares = torch.bincount(drawn.ids_B, minlength=V) / rows
    expected = (_logits(1)[0] / 0.5).masked_fill(~allowed[0], -torch.inf).softmax(-1)
    assert float((shares - expected).abs().max()) < 0.015
    assert not bool(shares[~allowed[0]].any())
    torch.testing.assert_close(drawn.logprobs_B, expected[drawn.ids_B].log(), atol=1e-5, rtol=0)
    entropy = -(expected[10:30] * expected[10:30].log()).sum()
    torch.testing.assert_close(drawn.entropy_B[0], entropy, atol=1e-5, rtol=0)


def test_the_edges_of_the_random_numbers_stay_in_the_support() -> None:
    allowed = torch.zeros(2, V, dtype=torch.bool)
    allowed[:, 10:30] = True
    just_below_one = torch.tensor([0.0, 1.0 - 2**-53], dtype=torch.float64)
    drawn = draw(torch.zeros(2, V), allowed, 1.0, just_below_one)
    assert drawn.ids_B.tolist() == [10, 29]
    # Ids of no probability behind the last one that has some are not drawn either.
    logits = torch.zeros(2, V)
    logits[:, 25:] = -1e9
    assert draw(logits, allowed, 1.0, just_below_one).ids_B.tolist() == [10, 24]


def test_bfloat16_logits_are_normalised_in_float32() -> None:
    logits = _logits(4).to(torch.bfloat16)
    allowed = torch.ones(4, V, dtype=torch.bool)
    drawn = draw(logits, allowed, 1.0, None)
    assert drawn.logprobs_B.dtype == torch.float32
    exact = logits.double().log_softmax(-1).amax(-1)
    torch.testing.assert_close(drawn.logprobs_B.double(), exact, atol=1e-6, rtol=0)


def test_a_rare_id_far_behind_is_drawn_as_often_as_it_should() -> None:
    """In float32 the sums of 150,000 ids stop growing before their end."""
    logits = torch.zeros(1, 160_000)
    u = torch.tensor([1.0 - 1.5 / 160_000], dtype=torch.float64)
    drawn = draw(logits, torch.ones(1, 160_000, dtype=torch.bool), 1.0, u)
    assert drawn.ids_B.tolist() == [159_998]


def test_streams_differ_by_seed_key_and_number() -> None:
    u = uniforms(["a", "b"], 2, 3, seed=0)
    assert len(u.unique()) == 12
    assert not bool(torch.isin(uniforms(["a", "b"], 2, 3, seed=1), u).any())
    assert bool(((u >= 0) & (u < 1)).all())
