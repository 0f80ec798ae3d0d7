"""Preference pairs: -log sigmoid of the difference of implicit rewards (FlexiVoice 3.2.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from trainer.batch import Batch, microbatches, pad
from trainer.data.rows import Row
from trainer.errors import DataError
from trainer.loop.ranks import Ranks
from trainer.loop.task import StepLoss
from trainer.losses import dpo_loss, sequence_sums
from trainer.models import Reference
from trainer.tokens.layout import Example


@dataclass(frozen=True, slots=True)
class Pair:
    """One prompt, the answer to prefer and the one not to."""

    chosen: Example
    rejected: Example
    counted: bool = True  # False: stands in where a rank has no pair of its own

    def __len__(self) -> int:
        """Tokens of the longer one, twice: both are in one forward pass."""
        return 2 * max(len(self.chosen), len(self.rejected))


def rejected_of(row: Row) -> Example:
    """The answer of a row that is not to be preferred.

    Raises:
        DataError: it has none.
    """
    if row.rejected is None:
        raise DataError(f"{row.id}: no utterance to prefer this one over; see `pairs`")
    return row.rejected


@dataclass(frozen=True, slots=True)
class Pairs:
    """Chosen answers, then rejected ones in the same order."""

    batch: Batch
    ref_sums_B: torch.Tensor
    pairs: int


class Dpo:
    """The loop's task for pairs."""

    name = "dpo"

    def __init__(self, ranks: Ranks, reference: Reference, beta: float, max_tokens: int) -> None:
        """Takes the reference, the strength of the tie to it, and the largest microbatch."""
        self._ranks, self._reference = ranks, reference
        self._beta, self._max_tokens = beta, max_tokens

    def microbatches(
        self, batch: Sequence[Pair], model: nn.Module, step: int
    ) -> tuple[list[Pairs], dict[str, float]]:
        """This rank's share of the pairs, with the reference's log-probs."""
        own = list(batch[self._ranks.rank :: self._ranks.world_size])
        if not own and batch:
            own = [Pair(batch[0].chosen, batch[0].rejected, counted=False)]
        with self._reference.policy(model) as reference:
            parts = [
                self._with_reference(rows, reference)
                for rows in microbatches(own, len, self._max_tokens)
            ]
        return parts, {"pairs": float(len(batch))}

    def _with_reference(self, pairs: Sequence[Pair], reference: nn.Module) -> Pairs:
        examples = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
        batch = pad(examples).to(self._ranks.device)
        logprobs_BT, _ = reference(batch)
        sums_B = sequence_sums(logprobs_BT, batch.target_BT)
        return Pairs(batch, sums_B, sum(pair.counted for pair in pairs))

    def weight(self, microbatch: Pairs) -> float:
        """Pairs."""
        return float(microbatch.pairs)

    def loss(self, model: nn.Module, microbatch: Pairs) -> StepLoss:
        """The sum over its pairs."""
        logprobs_BT, _ = model(microbatch.batch)
        sums_B = sequence_sums(logprobs_BT, microbatch.batch.target_BT)
        found = dpo_loss(sums_B, microbatch.ref_sums_B, self._beta)
        pairs = microbatch.pairs
        facts = {
            "margin": float(found.margin) * pairs,
            "accuracy": float(found.accuracy) * pairs,
            "reward_chosen": float(found.chosen_rewards_B.sum()) if pairs else 0.0,
            "reward_rejected": float(found.rejected_rewards_B.sum()) if pairs else 0.0,
            "tokens": microbatch.batch.tokens,
        }
        counter: Counter[str] = Counter()
        counter.update(facts)
        return StepLoss(found.loss * pairs, counter)
