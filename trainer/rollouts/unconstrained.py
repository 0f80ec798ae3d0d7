"""Sampling without a grammar, with the interface of `trainer.tokens.walk.Walk`."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.tokens.walk import Step
from trainer.vocab import ANY_CLASS


class FreeWalk:
    """Any id may follow; a sequence is done after an id that ends it."""

    def __init__(self, end_ids: tuple[int, ...], batch: int, device: torch.device | str) -> None:
        """Every sequence at the start."""
        self._ends = torch.tensor(end_ids, device=device)
        self._done_B = torch.zeros(batch, dtype=torch.bool, device=device)
        self._fill = end_ids[0]

    @property
    def done_B(self) -> Tensor:  # noqa: N802 - shapes are in names
        """Which sequences have ended."""
        return self._done_B

    def step(self) -> Step:
        """Any class for all of them; those that are done go on with the end."""
        done_B = self._done_B
        return Step(
            support_B=torch.full_like(done_B, int(ANY_CLASS), dtype=torch.uint8),
            forced_B=torch.where(done_B, self._fill, -1),
            cut_B=torch.zeros_like(done_B),
        )

    def advance(self, ids_B: Tensor) -> None:
        """Goes on with one id a sequence."""
        self._done_B = self._done_B | torch.isin(ids_B, self._ends)
