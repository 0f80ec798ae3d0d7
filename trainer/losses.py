"""The losses of the two papers, from log-probs of targets: pure functions, each its equation.

Log-probs are those of `trainer.logprobs.selected_logprobs`, float32, at the position of the token
itself; where a mask is false they are not looked at. Every loss is one to minimise.

Shapes: B sequences, T tokens. In DPO the first half of the batch is the chosen answers, the second
half the rejected ones, in the same order: one forward pass for both.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from trainer.kl import ESTIMATORS, KlName


def sft_loss(
    logprobs_BT: Tensor, mask_BT: Tensor, n_tokens: float | Tensor | None = None
) -> Tensor:
    """-sum(log p) / tokens (MCLP eq. 4).

    Args:
        logprobs_BT: of the targets.
        mask_BT: bool, true for targets.
        n_tokens: the targets of all batches that make one step together, so that a step over
            several small batches or machines is the step over a large one. None: of this batch.

    Raises:
        ValueError: there is no target.
    """
    count = mask_BT.sum() if n_tokens is None else n_tokens
    if not bool(count > 0):
        raise ValueError("there is no target token in the batch: leave empty rows out")
    return -_keep(logprobs_BT, mask_BT).sum() / count


def sequence_sums(logprobs_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """Log p(answer) [B]: the sum, not the mean, over its tokens."""
    return _keep(logprobs_BT, mask_BT).sum(-1)


@dataclass(frozen=True, slots=True)
class DpoLoss:
    """The loss, and what is logged of it; B pairs."""

    loss: Tensor
    chosen_rewards_B: Tensor  # beta * log(p / p_ref) of the chosen answers, without gradient
    rejected_rewards_B: Tensor

    @property
    def margin(self) -> Tensor:
        """Mean of chosen less rejected rewards."""
        return (self.chosen_rewards_B - self.rejected_rewards_B).mean()

    @property
    def accuracy(self) -> Tensor:
        """Share of pairs whose chosen answer has the higher reward."""
        return (self.chosen_rewards_B > self.rejected_rewards_B).float().mean()


def dpo_loss(sums_B: Tensor, ref_sums_B: Tensor, beta: float = 0.1) -> DpoLoss:
    """-log sigmoid(beta (log p/p_ref (chosen) - log p/p_ref (rejected))), mean over the pairs.

    FlexiVoice 3.2.1; beta 0.1 is A.10's.

    Args:
        sums_B: `sequence_sums` under the policy, chosen answers then rejected ones.
        ref_sums_B: the same under the reference.
        beta: strength of the tie to the reference.

    Raises:
        ValueError: the batch is not two halves.

    >>> dpo_loss(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 0.0])).loss
    tensor(0.6931)
    """
    if sums_B.shape != ref_sums_B.shape or len(sums_B) % 2 or not len(sums_B):
        raise ValueError(
            f"log-probs of {len(sums_B)} and {len(ref_sums_B)} answers: give chosen answers, then "
            "as many rejected ones, under policy and reference"
        )
    chosen_B, rejected_B = (beta * (sums_B - ref_sums_B)).chunk(2)
    loss = -logsigmoid(chosen_B - rejected_B).mean()
    return DpoLoss(loss, chosen_B.detach(), rejected_B.detach())


@dataclass(frozen=True, slots=True)
class GrpoLoss:
    """The loss, and what is logged of it: means over the trained tokens, 0 if there are none."""

    loss: Tensor
    kl: Tensor  # mean estimate a token; 0 without reference
    clip_share: Tensor  # of tokens whose gradient the clip took away
    ratio: Tensor  # mean p / p_old a token


def grpo_loss(
    logprobs_BT: Tensor,
    old_logprobs_BT: Tensor | None,
    ref_logprobs_BT: Tensor | None,
    advantages_B: Tensor,
    mask_BT: Tensor,
    *,
    beta: float,
    clip: float = 0.2,
    kl: KlName = "k3",
    n_sequences: float | None = None,
) -> GrpoLoss:
    """MCLP eq. 5, negated: mean over the sequences of each one's mean over its tokens.

    The mean is that of

        -min(rho A, clip(rho, 1 - eps, 1 + eps) A) + beta KL,    rho = p / p_old

    Not the mean over all tokens of the batch, which would weigh long answers more. A sequence of
    which nothing is trained on counts as 0 in the mean: eq. 5 divides by G whatever becomes of the
    rollouts.

    Args:
        logprobs_BT: of the sampled tokens under the policy.
        old_logprobs_BT: under the policy that sampled them. None: it is the same policy, on its
            first step, and the ratio is 1 with the policy's gradient.
        ref_logprobs_BT: under the reference. May be None where beta is 0.
        advantages_B: one a sequence (`trainer.advantages`).
        mask_BT: bool, the tokens to train on (`trained_tokens`).
        beta: weight of the KL term; FlexiVoice A.10: 0.1, MCLP 6.1: 0.001.
        clip: eps. Neither paper gives it; 0.2 is PPO's.
        kl: which estimate.
        n_sequences: sequences of all batches that make one step together. None: of this batch.

    Raises:
        ValueError: beta is not 0 and there is no reference.
    """
    if beta and ref_logprobs_BT is None:
        raise ValueError(f"beta is {beta}, so log-probs under the reference are needed")
    old_BT = logprobs_BT.detach() if old_logprobs_BT is None else old_logprobs_BT
    # Padding must not reach exp: what is there may be anything, and inf * 0 is nan.
    ratio_BT = torch.exp(_keep(logprobs_BT - old_BT, mask_BT))
    advantages_B1 = advantages_B[:, None].to(ratio_BT)
    clipped_BT = ratio_BT.clamp(1 - clip, 1 + clip)
    loss_BT = -torch.minimum(ratio_BT * advantages_B1, clipped_BT * advantages_B1)
    kl_BT = torch.zeros_like(loss_BT)
    if ref_logprobs_BT is not None:
        kl_BT = ESTIMATORS[kl](_keep(logprobs_BT, mask_BT), _keep(ref_logprobs_BT, mask_BT))
        loss_BT = loss_BT + beta * kl_BT
    per_sequence_B = _keep(loss_BT, mask_BT).sum(-1) / mask_BT.sum(-1).clamp(min=1)
    loss = per_sequence_B.sum() / (len(advantages_B) if n_sequences is None else n_sequences)
    cut_BT = ((ratio_BT < 1 - clip) & (advantages_B1 < 0)) | (
        (ratio_BT > 1 + clip) & (advantages_B1 > 0)
    )
    return GrpoLoss(
        loss=loss,
        kl=_mean(kl_BT, mask_BT),
        clip_share=_mean(cut_BT.float(), mask_BT),
        ratio=_mean(ratio_BT, mask_BT),
    )


@dataclass(frozen=True, slots=True)
class TrainedTokens:
    """Which tokens of rollouts are trained on, and the shares of those that are not."""

    mask_BT: Tensor
    forced_share: Tensor  # of all sampled tokens
    truncated_share: Tensor  # of all rollouts


def trained_tokens(completion_BT: Tensor, forced_BT: Tensor, truncated_B: Tensor) -> TrainedTokens:
    """Leaves out what the policy did not choose: forced slots, and rollouts cut off by the limit.

    Args:
        completion_BT: bool, the tokens of the rollouts.
        forced_BT: bool, where the grammar left no choice or the script stood.
        truncated_B: bool, rollouts that the length limit ended.
    """
    completion_BT = completion_BT.bool()
    return TrainedTokens(
        mask_BT=completion_BT & ~forced_BT.bool() & ~truncated_B.bool()[:, None],
        forced_share=_mean(forced_BT.float(), completion_BT),
        truncated_share=truncated_B.float().mean(),
    )


def _keep(values_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """0 where the mask is false, whatever stood there, nan and infinity included."""
    return torch.where(mask_BT.bool(), values_BT, torch.zeros_like(values_BT))


def _mean(values_BT: Tensor, mask_BT: Tensor) -> Tensor:
    return (_keep(values_BT.detach(), mask_BT).sum() / mask_BT.sum().clamp(min=1)).float()
