"""Examples -> one padded batch, and rows -> microbatches that fit into memory.

Shapes: B sequences, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from trainer.tokens.layout import Example

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences padded at their end; what is padding is neither seen nor trained on."""

    ids_BT: Tensor  # int64
    attention_BT: Tensor  # int64: 1 for tokens, 0 for padding
    target_BT: Tensor  # bool: tokens that the loss is over
    tokens: int  # without padding

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(
            self.ids_BT.to(device),
            self.attention_BT.to(device),
            self.target_BT.to(device),
            self.tokens,
        )


def pad(examples: Sequence[Example]) -> Batch:
    """The examples side by side, prompts first.

    Raises:
        ValueError: there is none.

    >>> pad([Example((5, 6), (7, 8), (True, False)), Example((5,), (7,), (True,))]).ids_BT
    tensor([[5, 6, 7, 8],
            [5, 7, 0, 0]])
    """
    if not examples:
        raise ValueError("a batch is of one example at least")
    longest = max(map(len, examples))
    ids_BT = torch.zeros(len(examples), longest, dtype=torch.int64)
    attention_BT, target_BT = torch.zeros_like(ids_BT), torch.zeros_like(ids_BT).bool()
    for row, example in enumerate(examples):
        length, begin = len(example), len(example.prompt_ids)
        ids_BT[row, :length] = torch.tensor([*example.prompt_ids, *example.target_ids])
        attention_BT[row, :length] = 1
        target_BT[row, begin:length] = torch.tensor(example.loss_mask)
    return Batch(ids_BT, attention_BT, target_BT, int(attention_BT.sum()))


def microbatches(
    rows: Sequence[Row], size: Callable[[Row], int], max_tokens: int
) -> Iterator[list[Row]]:
    """The rows in their order, as many together as fit once padded to the longest.

    Args:
        rows: of one step.
        size: tokens of a row.
        max_tokens: of a microbatch with its padding; a row that is longer goes alone.

    >>> list(microbatches([3, 1, 2, 9, 1], lambda row: row, max_tokens=6))
    [[3, 1], [2], [9], [1]]
    """
    together: list[Row] = []
    longest = 0
    for row in rows:
        if together and max(longest, size(row)) * (len(together) + 1) > max_tokens:
            yield together
            together, longest = [], 0
        together.append(row)
        longest = max(longest, size(row))
    if together:
        yield together
