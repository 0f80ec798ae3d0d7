"""What the loop trains: a task says how a batch becomes a loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn


@dataclass(frozen=True)
class StepLoss:
    """One microbatch's part of a step's loss.

    The loop divides by the sum of weights over all microbatches and ranks, so the step's loss is
    the same however its rows were spread.
    """

    total: Tensor  # scalar: sum over the microbatch, not its mean
    facts: Counter[str] = field(default_factory=Counter)  # sums, logged divided by their weight


class Stream(Protocol):
    """Batches without end that can be taken up where they were left."""

    def __iter__(self) -> Iterator[Any]:
        """One global batch after the other, the same on every rank."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is: JSON values."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there.

        Raises:
            DataError: the state is of other data.
        """
        ...


class Task(Protocol):
    """SFT, DPO, GRPO: each one file."""

    name: str

    def microbatches(
        self,
        batch: Any,  # noqa: ANN401  (the stream's own)
        model: nn.Module,
        step: int,
    ) -> tuple[Sequence[Any], dict[str, float]]:
        """What this rank computes of a global batch, and facts about the whole to log.

        Never nothing: where there are fewer rows than ranks, a row of no weight.

        GRPO samples and scores its rollouts here.
        """
        ...

    def weight(self, microbatch: Any) -> float:  # noqa: ANN401
        """What the microbatch counts in the step's mean: tokens, pairs or sequences."""
        ...

    def loss(self, model: nn.Module, microbatch: Any) -> StepLoss:  # noqa: ANN401
        """The microbatch's part of the loss, through the wrapped model's own forward."""
        ...
