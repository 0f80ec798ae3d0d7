"""Supervised fine-tuning: -sum(log p) / target tokens (MCLP eq. 4, FlexiVoice 3.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torch import nn

from trainer.batch import Batch, microbatches, pad
from trainer.loop.ranks import Ranks
from trainer.loop.task import StepLoss
from trainer.losses import sft_loss
from trainer.tokens.layout import Example


class Sft:
    """The loop's task for examples."""

    name = "sft"

    def __init__(self, ranks: Ranks, max_tokens: int) -> None:
        """Takes the largest microbatch, tokens with padding."""
        self._ranks, self._max_tokens = ranks, max_tokens

    def microbatches(
        self, batch: Sequence[Example], model: nn.Module, step: int
    ) -> tuple[list[Batch], dict[str, float]]:
        """This rank's share of the examples."""
        parts = [pad(rows) for rows in microbatches(self.share(batch), len, self._max_tokens)]
        return parts, {"rows": float(len(batch))}

    def share(self, batch: Sequence[Example]) -> list[Example]:
        """Every n-th example; where there are too few, one that counts nothing."""
        own = list(batch[self._ranks.rank :: self._ranks.world_size])
        if own or not batch:
            return own
        first = batch[0]
        return [Example(first.prompt_ids, first.target_ids, (False,) * len(first.target_ids))]

    def weight(self, microbatch: Batch) -> float:
        """Target tokens."""
        return float(microbatch.target_BT.sum())

    def loss(self, model: nn.Module, microbatch: Batch) -> StepLoss:
        """The sum over its targets."""
        batch = microbatch.to(self._ranks.device)
        logprobs_BT, _ = model(batch)
        total = sft_loss(logprobs_BT, batch.target_BT, n_tokens=1.0)
        return StepLoss(total, Counter({"tokens": batch.tokens}))
