"""A task small enough to check by hand: a causal LM on rows of ids, one weight a token."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainer.loop.loop import train
from trainer.loop.ranks import Ranks, joined, spread
from trainer.loop.settings import LoopSettings, OptimSettings
from trainer.loop.task import StepLoss
from trainer.tiny import tiny_model

VOCAB = 40


class Rows:
    """Four rows a batch, drawn by the batch's number."""

    def __init__(self) -> None:
        self.position = 0

    def __iter__(self) -> Iterator[list[list[int]]]:
        while True:
            drawn = torch.Generator().manual_seed(self.position)
            self.position += 1
            lengths = torch.randint(3, 9, (4,), generator=drawn).tolist()
            yield [torch.randint(VOCAB, (n,), generator=drawn).tolist() for n in lengths]

    def state_dict(self) -> dict[str, Any]:
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.position = state["position"]


class NextToken:
    """Sum of the cross entropy of each next token."""

    name = "toy"

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks

    def microbatches(
        self, batch: list[list[int]], model: nn.Module, step: int
    ) -> tuple[Sequence[list[int]], dict[str, float]]:
        return batch[self._ranks.rank :: self._ranks.world_size], {"rows": float(len(batch))}

    def weight(self, microbatch: list[int]) -> float:
        return len(microbatch) - 1

    def loss(self, model: nn.Module, microbatch: list[int]) -> StepLoss:
        ids = torch.tensor([microbatch])
        logits = model(input_ids=ids).logits[0, :-1].float()
        total = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum")
        return StepLoss(total, Counter({"tokens": len(microbatch) - 1}))


def run(
    folder: Path, steps: int, strategy: str = "ddp", every: int = 100, total: int | None = None
) -> nn.Module:
    """Trains the toy for ``steps`` of ``total`` steps; in one process or under torchrun."""
    torch.set_num_threads(1)
    settings = LoopSettings(strategy=strategy, device="cpu", checkpoint_every=every)  # type: ignore[arg-type]
    with joined("cpu") as ranks:
        model = spread(tiny_model(VOCAB, hidden=32), ranks, settings)
        stream = Rows()
        if total is not None and steps < total:  # stands for a kill: nothing is tidied up
            stream = Stopping(steps)
        try:
            train(
                model,
                NextToken(ranks),
                stream,
                ranks=ranks,
                loop=settings,
                optim=OptimSettings(learning_rate=0.01),
                total_steps=total or steps,
                folder=folder,
                fingerprint="toy",
            )
        except Killed:
            pass
        return model


class Killed(Exception):
    """The end of a run that did not end well."""


class Stopping(Rows):
    """Rows that break off."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def __iter__(self) -> Iterator[list[list[int]]]:
        for number, batch in enumerate(super().__iter__()):
            if number == self._after:
                raise Killed
            yield batch


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
