"""What a rollout engine is given, what it gives back, and what every engine can do.

Shapes: N prompts, G rollouts of each, B = N * G rows in the order of the prompts, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from trainer.rollouts.settings import SamplingSettings
from trainer.tokens.grammar import Grammar
from trainer.vocab import ANY_CLASS


@dataclass(frozen=True, slots=True)
class RolloutPrompt:
    """What the policy is asked to go on from."""

    key: str  # names its random numbers: the same key and seed give the same rollouts
    ids: tuple[int, ...]
    script: tuple[int, ...] | None = None  # text it has to say, ids (`trainer.tokens.walk.Walk`)


@dataclass(frozen=True, slots=True)
class Rollouts:
    """A group of completions for every prompt: row `b` answers `prompts[b // group_size]`."""

    prompts: tuple[RolloutPrompt, ...]
    group_size: int
    ids_BT: Tensor  # int64; the end's id behind a completion
    completion_BT: Tensor  # bool: a token of the completion, its end included
    forced_BT: Tensor  # bool: the grammar or the script left no choice
    support_BT: Tensor  # uint8: set of token classes that the token was drawn from
    logprobs_BT: Tensor  # float32: at the sampler's temperature, over the support; 0 if forced
    entropy_BT: Tensor  # float32, nats: of the distribution drawn from; 0 if forced
    truncated_B: Tensor  # bool: the length limit chose a token, or the end is missing
    temperature: float
    forward_tokens: dict[str, int] = field(default_factory=dict)  # "prompt", "completion": computed

    def __len__(self) -> int:
        """B, the number of rows."""
        return len(self.ids_BT)

    @property
    def trained_BT(self) -> Tensor:  # noqa: N802 - shapes are in names
        """Which tokens the loss is over: drawn by choice, in rollouts that were not truncated."""
        return self.completion_BT & ~self.forced_BT & ~self.truncated_B[:, None]

    @property
    def lengths_B(self) -> Tensor:  # noqa: N802
        """Tokens of each completion, int64."""
        return self.completion_BT.sum(-1)

    def completions(self) -> list[list[int]]:
        """The ids of each row without padding."""
        lengths = self.lengths_B.tolist()
        return [ids[:length] for ids, length in zip(self.ids_BT.tolist(), lengths, strict=True)]

    def prompt_of(self, row: int) -> RolloutPrompt:
        """The prompt that a row answers."""
        return self.prompts[row // self.group_size]

    def shares(self) -> dict[str, float]:
        """What is masked out of the loss, for the log: shares of tokens and of rollouts."""
        tokens = max(int(self.completion_BT.sum()), 1)
        return {
            "forced": int((self.completion_BT & self.forced_BT).sum()) / tokens,
            "truncated": float(self.truncated_B.float().mean()) if len(self) else 0.0,
        }


class RolloutEngine(Protocol):
    """Anything that lets the policy speak: torch in this process, or a server such as vLLM.

    An engine that cannot give `support_BT` and the log-probs over it cannot be one: training would
    weigh its tokens wrongly.
    """

    def generate(
        self,
        prompts: Sequence[RolloutPrompt],
        group_size: int,
        sampling: SamplingSettings,
        grammar: Grammar | None,
    ) -> Rollouts:
        """`group_size` completions of every prompt.

        Args:
            prompts: with different keys; the batch they come in does not change what is drawn, but
                for the last digit of the model's arithmetic.
            group_size: G.
            sampling: temperature, limit, seed.
            grammar: what may follow what; None: any id, until an id that ends.

        Raises:
            UsageError: there is no prompt, one is empty or too long, or a key comes twice.
        """
        ...

    def refresh(self) -> None:
        """Takes over the policy's weights after a step of training, where they are not shared."""
        ...


def join(parts: Sequence[Rollouts], pad_id: int) -> Rollouts:
    """Several rollouts of equal group size as one, rows in order.

    Raises:
        ValueError: there are none, or they were drawn differently.
    """
    if not parts or len({(part.group_size, part.temperature) for part in parts}) != 1:
        raise ValueError("only rollouts of one group size and temperature can be joined")
    longest = max(part.ids_BT.shape[1] for part in parts)

    def stack(name: str, fill: int | float | bool) -> Tensor:
        return torch.cat([_widen(getattr(part, name), longest, fill) for part in parts])

    counts: dict[str, int] = {}
    for part in parts:
        for name, count in part.forward_tokens.items():
            counts[name] = counts.get(name, 0) + count
    return Rollouts(
        prompts=tuple(prompt for part in parts for prompt in part.prompts),
        group_size=parts[0].group_size,
        ids_BT=stack("ids_BT", pad_id),
        completion_BT=stack("completion_BT", False),
        forced_BT=stack("forced_BT", False),
        support_BT=stack("support_BT", int(ANY_CLASS)),
        logprobs_BT=stack("logprobs_BT", 0.0),
        entropy_BT=stack("entropy_BT", 0.0),
        truncated_B=torch.cat([part.truncated_B for part in parts]),
        temperature=parts[0].temperature,
        forward_tokens=counts,
    )


def _widen(rows_BT: Tensor, length: int, fill: int | float | bool) -> Tensor:
    missing = length - rows_BT.shape[1]
    return torch.nn.functional.pad(rows_BT, (0, missing), value=fill) if missing else rows_BT
