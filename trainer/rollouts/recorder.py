"""What happened while sampling, token by token, and in the end the rollouts.

Shapes: B rollouts, T tokens, R rollouts that the model was asked about.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.rollouts.draw import Drawn
from trainer.rollouts.protocol import RolloutPrompt, Rollouts
from trainer.tokens.walk import Step
from trainer.vocab import ANY_CLASS


class Recorder:
    """Tensors that are filled from left to right."""

    def __init__(self, batch: int, max_tokens: int, pad_id: int, device: torch.device) -> None:
        """All padding."""
        shape = (batch, max_tokens)
        self._ids_BT = torch.full(shape, pad_id, device=device)
        self._completion_BT = torch.zeros(shape, dtype=torch.bool, device=device)
        self._forced_BT = torch.zeros(shape, dtype=torch.bool, device=device)
        self._support_BT = torch.full(shape, int(ANY_CLASS), dtype=torch.uint8, device=device)
        self._logprobs_BT = torch.zeros(shape, device=device)
        self._entropy_BT = torch.zeros(shape, device=device)
        self._truncated_B = torch.zeros(batch, dtype=torch.bool, device=device)
        self._used = 0

    def add(
        self, at: int, step: Step, done_B: Tensor, rows_R: Tensor, drawn: Drawn | None
    ) -> Tensor:
        """Token number `at` of every rollout; gives the ids `[B]`, the end's where one is done.

        Args:
            at: how many tokens came before.
            step: what the grammar said about this token.
            done_B: rollouts that had ended before it.
            rows_R: which rollouts were drawn for.
            drawn: their draws; None where every token is forced.
        """
        forced_B = step.forced_B >= 0
        ids_B = step.forced_B.clamp(min=0)
        if drawn is not None:
            free_R = ~forced_B[rows_R]
            rows = rows_R[free_R]
            ids_B[rows] = drawn.ids_B[free_R]
            self._logprobs_BT[rows, at] = drawn.logprobs_B[free_R]
            self._entropy_BT[rows, at] = drawn.entropy_B[free_R]
        said_B = ~done_B
        self._ids_BT[:, at] = torch.where(said_B, ids_B, self._ids_BT[:, at])
        self._completion_BT[:, at] = said_B
        self._forced_BT[:, at] = forced_B & said_B
        self._support_BT[:, at] = step.support_B
        self._truncated_B |= step.cut_B & said_B
        self._used = at + 1
        return ids_B

    def rollouts(
        self,
        prompts: Sequence[RolloutPrompt],
        group_size: int,
        temperature: float,
        done_B: Tensor,
        forward_tokens: dict[str, int],
    ) -> Rollouts:
        """All of it, without the columns that nobody reached."""
        used = self._used
        return Rollouts(
            prompts=tuple(prompts),
            group_size=group_size,
            ids_BT=self._ids_BT[:, :used],
            completion_BT=self._completion_BT[:, :used],
            forced_BT=self._forced_BT[:, :used],
            support_BT=self._support_BT[:, :used],
            logprobs_BT=self._logprobs_BT[:, :used],
            entropy_BT=self._entropy_BT[:, :used],
            truncated_B=self._truncated_B | ~done_B,
            temperature=temperature,
            forward_tokens=forward_tokens,
        )
