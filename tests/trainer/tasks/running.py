"""One batch, trained on again and again, through the real loop."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainer.loop.logs import read_log
from trainer.loop.loop import train
from trainer.loop.ranks import Ranks
from trainer.loop.settings import LoopSettings, OptimSettings
from trainer.loop.task import Task

ONE = Ranks(0, 1, torch.device("cpu"))


class Same:
    """The same batch again and again."""

    def __init__(self, batch: list[Any]) -> None:
        self._batch = batch

    def __iter__(self) -> Iterator[list[Any]]:
        while True:
            yield self._batch

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take up."""


def run(
    folder: Path,
    policy: nn.Module,
    task: Task,
    batch: list[Any],
    steps: int,
    learning_rate: float = 0.01,
) -> list[dict[str, float]]:
    """Trains, and gives the log."""
    train(
        policy,
        task,
        Same(batch),
        ranks=ONE,
        loop=LoopSettings(checkpoint_every=10_000),
        optim=OptimSettings(learning_rate=learning_rate, warmup_share=0.0),
        total_steps=steps,
        folder=folder,
        fingerprint="a",
    )
    return read_log(folder)
