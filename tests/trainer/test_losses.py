from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trainer.head import hidden_states, output_head
from trainer.logprobs import selected_logprobs
from trainer.losses import dpo_loss, grpo_loss, sequence_sums, sft_loss, trained_tokens
from trainer.tiny import tiny_model

NAN = float("nan")
LOGPROBS = torch.tensor([[0.0, -1.0, -2.0, -3.0], [0.0, -4.0, NAN, NAN]])
MASK = torch.tensor([[False, True, True, True], [False, True, False, False]])


def test_sft_is_the_mean_over_tokens_not_over_sequences() -> None:
    assert sft_loss(LOGPROBS, MASK).item() == pytest.approx((1 + 2 + 3 + 4) / 4)


def test_sft_over_several_batches_is_that_of_one_large_batch() -> None:
    parts = [sft_loss(LOGPROBS[i : i + 1], MASK[i : i + 1], n_tokens=4) for i in (0, 1)]
    assert sum(parts).item() == pytest.approx(sft_loss(LOGPROBS, MASK).item())  # type: ignore[union-attr]


def test_sft_of_nothing_is_an_error_and_not_nan() -> None:
    with pytest.raises(ValueError, match="no target token"):
        sft_loss(LOGPROBS, torch.zeros_like(MASK))


def test_sft_is_what_transformers_calls_the_loss() -> None:
    model = tiny_model(50)
    ids = torch.randint(0, 50, (3, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(3, 9, dtype=torch.bool)
    mask[:, 4:] = True
    mask[1, 7:] = False
    theirs = model(ids, labels=ids.masked_fill(~mask, -100)).loss
    found = selected_logprobs(hidden_states(model, ids), output_head(model), ids, mask)
    torch.testing.assert_close(sft_loss(found.logprobs_BT, mask), theirs, rtol=0, atol=1e-5)


def test_dpo_by_hand() -> None:
    sums = torch.tensor([-10.0, -20.0, -14.0, -18.0])  # two chosen, two rejected
    ref = torch.tensor([-11.0, -20.0, -13.0, -21.0])
    found = dpo_loss(sums, ref, beta=0.5)
    # log-ratios: chosen 1 and 0, rejected -1 and 3; margins 0.5 (1 + 1) = 1 and 0.5 (0 - 3) = -1.5
    by_hand = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(1.5))) / 2
    assert found.loss.item() == pytest.approx(by_hand, abs=1e-6)
    assert found.chosen_rewards_B.tolist() == [0.5, 0.0]
    assert found.rejected_rewards_B.tolist() == [-0.5, 1.5]
    assert found.accuracy.item() == 0.5 and found.margin.item() == pytest.approx(-0.25)


def test_dpo_sums_over_tokens() -> None:
    assert sequence_sums(LOGPROBS, MASK).tolist() == [-6.0, -4.0]


@pytest.mark.parametrize("count", [0, 3])
def test_dpo_of_anything_but_pairs_is_an_error(count: int) -> None:
    with pytest.raises(ValueError, match="chosen answers, then"):
        dpo_loss(torch.zeros(count), torch.zeros(count))


def test_dpo_looks_at_completions_and_at_nothing_else() -> None:
    """The trap of a published recipe: an inverted mask averages over what is to be ignored."""
    model = tiny_model(50)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 50, (2, 12), generator=generator)
    attention = torch.ones(2, 12, dtype=torch.long)
    attention[1, 9:] = 0
    mask = torch.zeros(2, 12, dtype=torch.bool)
    mask[0, 5:], mask[1, 5:9] = True, True

    def losses(labels: Tensor) -> list[float]:
        hidden = hidden_states(model, ids, attention)
        logprobs = selected_logprobs(hidden, output_head(model), labels, mask).logprobs_BT
        return [
            dpo_loss(sequence_sums(logprobs, mask), torch.zeros(2)).loss.item(),
            sft_loss(logprobs, mask).item(),
            grpo_loss(
                logprobs, None, torch.zeros_like(logprobs), torch.ones(2), mask, beta=0.1
            ).loss.item(),
        ]

    before = losses(ids)
    labels = ids.clone()
    labels[~mask] = (labels[~mask] + 13) % 50  # prompts and padding
    assert losses(labels) == before
    labels[0, 7] = (labels[0, 7] + 1) % 50  # one token of a completion
    assert all(one != other for one, other in zip(losses(labels), before, strict=True))


OLD = torch.tensor([[0.0, -1.0, -2.5, -2.0], [0.0, -4.0, 0.0, 0.0]])


def test_grpo_by_hand() -> None:
    ref = torch.tensor([[0.0, -1.0, -2.0, -4.0], [0.0, -3.0, NAN, 0.0]])
    found = grpo_loss(LOGPROBS, OLD, ref, torch.tensor([2.0, -1.0]), MASK, beta=0.1)
    # ratios: 1, e^0.5 (over 1.2: cut), e^-1 (below 0.8, and the advantage is positive: not cut); 1
    first = (-2 * 1 - 2 * 1.2 - 2 * math.exp(-1)) / 3
    first += 0.1 * (0 + 0 + math.exp(-1) + 1 - 1) / 3
    second = 1.0 + 0.1 * (math.exp(1) - 1 - 1)
    assert found.loss.item() == pytest.approx((first + second) / 2, abs=1e-6)
    assert found.clip_share.item() == pytest.approx(1 / 4)
    assert found.kl.item() == pytest.approx((math.exp(-1) + math.e - 2) / 4, abs=1e-6)


def test_grpo_is_the_mean_of_each_sequence_not_of_all_tokens() -> None:
    found = grpo_loss(LOGPROBS, None, None, torch.tensor([1.0, 3.0]), MASK, beta=0.0)
    assert found.loss.item() == pytest.approx(-(1.0 + 3.0) / 2)  # all tokens: -(3 + 3) / 4
    assert found.ratio.item() == 1.0 and found.clip_share.item() == 0.0


def test_grpo_without_old_log_probs_has_the_gradient_of_the_policy() -> None:
    logprobs = LOGPROBS.nan_to_num().requires_grad_()
    grpo_loss(logprobs, None, None, torch.tensor([1.0, 3.0]), MASK, beta=0.0).loss.backward()
    assert logprobs.grad is not None
    expected = torch.tensor([[0, 1 / 3, 1 / 3, 1 / 3], [0, 3, 0, 0]]) / -2
    torch.testing.assert_close(logprobs.grad, expected)


def test_grpo_takes_no_nan_from_padding_into_the_gradient() -> None:
    logprobs = torch.where(MASK, LOGPROBS, 500.0).requires_grad_()  # exp of it is infinite
    ref = torch.where(MASK, OLD, float("nan"))
    grpo_loss(logprobs, OLD, ref, torch.tensor([1.0, 3.0]), MASK, beta=0.1).loss.backward()
    assert logprobs.grad is not None
    assert bool(torch.isfinite(logprobs.grad).all()) and bool((logprobs.grad[~MASK] == 0).all())


def test_grpo_over_several_batches_is_that_of_one_large_batch() -> None:
    advantages = torch.tensor([1.0, 3.0])
    whole = grpo_loss(LOGPROBS, OLD, None, advantages, MASK, beta=0.0).loss.item()
    parts = [
        grpo_loss(
            LOGPROBS[i : i + 1],
            OLD[i : i + 1],
            None,
            advantages[i : i + 1],
            MASK[i : i + 1],
            beta=0.0,
            n_sequences=2,
        ).loss.item()
        for i in (0, 1)
    ]
    assert sum(parts) == pytest.approx(whole)


def test_forced_tokens_and_truncated_rollouts_are_not_trained_on() -> None:
    completion = torch.tensor([[0, 1, 1, 1], [0, 1, 1, 0]])
    forced = torch.tensor([[0, 1, 0, 0], [0, 0, 0, 1]])
    found = trained_tokens(completion, forced, torch.tensor([False, True]))
    assert found.mask_BT.tolist() == [[False, False, True, True], [False] * 4]
    assert found.forced_share.item() == pytest.approx(1 / 5)  # the one in padding is none
    assert found.truncated_share.item() == 0.5
    loss = grpo_loss(
        LOGPROBS.nan_to_num(), None, None, torch.tensor([1.0, 9.0]), found.mask_BT, beta=0.0
    )
    assert loss.loss.item() == pytest.approx(-1 / 2)  # the truncated one is 0 of the two


def test_beta_without_a_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match="beta is 0.1"):
        grpo_loss(LOGPROBS, None, None, torch.zeros(2), MASK, beta=0.1)
