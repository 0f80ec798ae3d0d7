"""Draws a token from logits: masked, at a temperature, with a random number from outside.

Shapes: B rows, V ids.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn, and how likely it was."""

    ids_B: Tensor  # int64
    logprobs_B: Tensor  # float32: at the temperature, over the allowed ids
    entropy_B: Tensor  # float32, nats


def draw(
    logits_BV: Tensor,
    allowed_BV: Tensor,
    temperature: float,
    uniforms_B: Tensor | None,
) -> Drawn:
    """One id a row, by inverting the cumulative distribution.

    Args:
        logits_BV: of the model, any float type; taken to float32 before anything else.
        allowed_BV: bool; at least one a row.
        temperature: divides the logits.
        uniforms_B: one number in [0, 1) a row; None: the likeliest id.

    >>> logits = torch.tensor([[0.0, 1.0, 5.0]])
    >>> allowed = torch.tensor([[True, True, False]])
    >>> draw(logits, allowed, 1.0, None).ids_B
    tensor([1])
    >>> draw(logits, allowed, 1.0, torch.tensor([0.2])).ids_B
    tensor([0])
    """
    scaled_BV = (logits_BV.float() / temperature).masked_fill(~allowed_BV, -torch.inf)
    logprobs_BV = scaled_BV.log_softmax(-1)
    probs_BV = logprobs_BV.exp()
    if uniforms_B is None:
        ids_B = logprobs_BV.argmax(-1)
    else:
        ids_B = _invert(probs_BV, uniforms_B)
    chosen_B = logprobs_BV.gather(1, ids_B[:, None])[:, 0]
    # 0 * -inf is NaN, so what is not allowed is taken out before the product.
    entropy_B = -(probs_BV * logprobs_BV.masked_fill(~allowed_BV, 0.0)).sum(-1)
    return Drawn(ids_B, chosen_B, entropy_B)


def _invert(probs_BV: Tensor, uniforms_B: Tensor) -> Tensor:
    """The first id up to which more than a share `u` of the probability lies.

    Sums in float64: in float32 the tail of 150,000 ids is lost. An id of probability 0 is never
    drawn, since it adds nothing to the sum.
    """
    cumulative_BV = probs_BV.double().cumsum(-1)
    goal_B1 = uniforms_B.to(cumulative_BV)[:, None] * cumulative_BV[:, -1:]
    ids_B = torch.searchsorted(cumulative_BV, goal_B1, right=True)[:, 0]
    # u * total can round up to the total: the last id that has any probability, then.
    last_B = torch.searchsorted(cumulative_BV, cumulative_BV[:, -1:].contiguous())[:, 0]
    return torch.minimum(ids_B, last_B)
