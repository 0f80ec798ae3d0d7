"""A batch of rollouts in the model: prompts are read once, then tokens are added to all.

Shapes: N prompts of at most L tokens, B = N * G rollouts, of which R are still in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from trainer.rollouts.kv_cache import GrowingCache


class Decoder:
    """The model's cache, mask and positions for one batch of rollouts."""

    def __init__(self, model: Any, pad_id: int) -> None:  # noqa: ANN401
        """Nothing read yet.

        Args:
            model: a `transformers` causal model.
            pad_id: any id; what stands on the left of short prompts, unseen.
        """
        self._model = model
        self._pad_id = pad_id
        self._cache = GrowingCache()
        self._waiting: list[Tensor] = []  # ids [B] that were said and not read yet
        self.forward_tokens = {"prompt": 0, "completion": 0}
        self.rows_R: Tensor  # which of the B rollouts are still in the batch, int64

    @property
    def waiting(self) -> bool:
        """Whether something was said since the model was last asked."""
        return bool(self._waiting)

    def read(self, prompts: Sequence[Sequence[int]], group_size: int) -> Tensor:
        """Reads every prompt once; the logits of what comes next, `[B, V]`."""
        device = next(self._model.parameters()).device
        longest = max(len(ids) for ids in prompts)
        ids_NL = torch.full((len(prompts), longest), self._pad_id)
        seen_NL = torch.zeros(len(prompts), longest, dtype=torch.bool)
        for row, ids in enumerate(prompts):
            ids_NL[row, longest - len(ids) :] = torch.tensor(ids)
            seen_NL[row, longest - len(ids) :] = True
        self._seen_RL = seen_NL.to(device)
        self._next_R = self._seen_RL.sum(-1)  # position of the next token of each row
        positions_NL = (self._seen_RL.cumsum(-1) - 1).clamp(min=0)
        self.forward_tokens["prompt"] += int(ids_NL.numel())
        logits_NV = self._forward(ids_NL.to(device), positions_NL)
        self._cache.expand(group_size)
        self._seen_RL = self._seen_RL.repeat_interleave(group_size, dim=0)
        self._next_R = self._next_R.repeat_interleave(group_size)
        self.rows_R = torch.arange(len(prompts) * group_size, device=device)
        return logits_NV.repeat_interleave(group_size, dim=0)

    def say(self, ids_B: Tensor) -> None:
        """One more token of every rollout, to be read with the next question."""
        self._waiting.append(ids_B)

    def go_on(self, done_B: Tensor) -> Tensor:
        """Reads what was said; the logits of what comes next, `[R, V]`.

        Args:
            done_B: rollouts that have ended. They leave the batch when it is half of them or more;
                one always stays.
        """
        self._drop(done_B)
        ids_RK = torch.stack([ids_B[self.rows_R] for ids_B in self._waiting], dim=1)
        self._waiting.clear()
        new = ids_RK.shape[1]
        steps = torch.arange(new, device=ids_RK.device)
        positions_RK = self._next_R[:, None] + steps
        self._next_R = self._next_R + new
        self._seen_RL = torch.nn.functional.pad(self._seen_RL, (0, new), value=True)
        self.forward_tokens["completion"] += int(ids_RK.numel())
        return self._forward(ids_RK, positions_RK)

    def _drop(self, done_B: Tensor) -> None:
        alive_R = ~done_B[self.rows_R]
        alive = int(alive_R.sum())
        if 2 * alive > len(self.rows_R) or len(self.rows_R) == 1:
            return
        kept = alive_R.nonzero()[:, 0] if alive else alive_R.new_zeros(1, dtype=torch.long)
        self._cache.keep(kept)
        self._seen_RL, self._next_R = self._seen_RL[kept], self._next_R[kept]
        self.rows_R = self.rows_R[kept]

    def _forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        out = self._model(
            input_ids=ids,
            attention_mask=self._seen_RL.long(),
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,  # of 150,000 ids at every position of a prompt only the last row
        )
        logits: Tensor = out.logits[:, -1]
        return logits
