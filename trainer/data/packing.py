"""Examples side by side without padding, each with its own position ids; see trainer.packing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.packing import Pack, bins
from trainer.tokens.layout import Example


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """A pack and its targets. Give the model ids and position ids, and no attention mask."""

    pack: Pack
    target_1N: Tensor  # bool: tokens that the loss is over

    @property
    def tokens(self) -> int:
        """All of them; there is no padding."""
        return self.pack.ids_1N.numel()


def packed(examples: Sequence[Example]) -> PackedBatch:
    """One pack of these examples, in this order.

    The token after an example is the next one's first, which is no target: every prompt has a token
    at least, so no loss reaches from one example into another.

    Raises:
        ValueError: there is none, or one has no prompt.
    """
    if not all(example.prompt_ids for example in examples):
        raise ValueError("an example without a prompt has a target that nothing predicts")
    sequences = [(*example.prompt_ids, *example.target_ids) for example in examples]
    mask = [
        value
        for example in examples
        for value in (*(False,) * len(example.prompt_ids), *example.loss_mask)
    ]
    return PackedBatch(Pack.of(sequences), torch.tensor([mask]))


def pack_all(examples: Sequence[Example], max_tokens: int) -> Iterator[PackedBatch]:
    """All examples in packs of at most so many tokens; a longer one is a pack by itself."""
    for indices in bins([len(example) for example in examples], max_tokens):
        yield packed([examples[index] for index in indices])
