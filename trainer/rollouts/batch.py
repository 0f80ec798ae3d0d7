"""Rollouts as the tensors that a loss is computed from: prompt and completion in one row.

Shapes: M rows chosen of the B of the rollouts, S tokens of the longest prompt with its completion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.rollouts.protocol import Rollouts
from trainer.vocab import ANY_CLASS


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Padded on the right; what `trainer.logprobs.selected_logprobs` takes."""

    ids_MS: Tensor  # int64
    attention_MS: Tensor  # int64: 1 for tokens, 0 for padding
    trained_MS: Tensor  # bool: what the loss is over (`Rollouts.trained_BT`)
    sampling_logprobs_MS: Tensor  # float32: with which each was drawn; 0 where not trained on
    support_MS: Tensor  # uint8: the set of classes each was drawn from


def training_rows(rollouts: Rollouts, rows: Sequence[int], pad_id: int) -> TrainingRows:
    """The chosen rows of the rollouts, in the order given.

    Args:
        rollouts: from an engine.
        rows: numbers of rows, at least one.
        pad_id: any id; stands behind the shorter rows, unseen.
    """
    lengths = rollouts.lengths_B.tolist()
    widths = [len(rollouts.prompt_of(row).ids) + lengths[row] for row in rows]
    device = rollouts.ids_BT.device
    shape = (len(rows), max(widths))
    ids = torch.full(shape, pad_id, device=device)
    attention = torch.zeros(shape, dtype=torch.long, device=device)
    trained = torch.zeros(shape, dtype=torch.bool, device=device)
    logprobs = torch.zeros(shape, device=device)
    support = torch.full(shape, int(ANY_CLASS), dtype=torch.uint8, device=device)
    trained_BT = rollouts.trained_BT
    for number, (row, width) in enumerate(zip(rows, widths, strict=True)):
        prompt = rollouts.prompt_of(row).ids
        start, length = len(prompt), lengths[row]
        ids[number, :start] = torch.tensor(prompt, device=device)
        ids[number, start:width] = rollouts.ids_BT[row, :length]
        attention[number, :width] = 1
        trained[number, start:width] = trained_BT[row, :length]
        logprobs[number, start:width] = rollouts.logprobs_BT[row, :length]
        support[number, start:width] = rollouts.support_BT[row, :length]
    return TrainingRows(ids, attention, trained, logprobs.masked_fill(~trained, 0.0), support)
