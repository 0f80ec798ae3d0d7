"""Several sequences as one, without padding: position ids that begin again tell them apart.

Hugging Face models make their attention mask of the position ids when they are given no other:
SDPA and eager attention get a block-diagonal mask, flash attention the lengths. The mask costs
attention over the whole pack, so packs are best a few sequences long but with flash attention.

Shapes: N tokens in a pack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trainer.errors import UsageError
from trainer.head import causal_lm

_KNOWN = ("eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention")


@dataclass(frozen=True, slots=True)
class Pack:
    """Sequences side by side; give the model no attention mask with it."""

    ids_1N: Tensor
    position_ids_1N: Tensor
    starts: tuple[int, ...]  # where each sequence begins

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> Pack:
        """These sequences, in this order.

        Raises:
            ValueError: there is none, or one is empty.

        >>> Pack.of([[7, 8, 9], [5, 6]]).position_ids_1N
        tensor([[0, 1, 2, 0, 1]])
        """
        if not sequences or not all(len(one) for one in sequences):
            raise ValueError("a pack is of sequences with at least one token each")
        ids = [token_id for one in sequences for token_id in one]
        positions = [position for one in sequences for position in range(len(one))]
        starts = [0]
        for one in sequences[:-1]:
            starts.append(starts[-1] + len(one))
        return cls(
            torch.tensor([ids], device=device),
            torch.tensor([positions], device=device),
            tuple(starts),
        )


def bins(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Which sequences go together: in order of length, as many as fit.

    Args:
        lengths: of the sequences, tokens.
        max_tokens: of a pack; a longer sequence is a pack by itself.

    Yields:
        Indices into ``lengths``; every one once.

    >>> list(bins([4, 9, 3, 2], max_tokens=7))
    [[3, 2], [0], [1]]
    """
    together: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lambda index: (lengths[index], index)):
        if together and tokens + lengths[index] > max_tokens:
            yield together
            together, tokens = [], 0
        together.append(index)
        tokens += lengths[index]
    if together:
        yield together


def check_packable(model: nn.Module) -> None:
    """Checks that a model keeps packed sequences apart.

    Raises:
        UsageError: its attention is of a kind that may let them see each other.
    """
    inner: Any = causal_lm(model)
    kind = getattr(inner.config, "_attn_implementation", None)
    if kind not in _KNOWN:
        raise UsageError(
            f"the model's attention is {kind!r}, and whether it keeps packed sequences apart is "
            f"not known: load it with attn_implementation one of {', '.join(_KNOWN)}"
        )
