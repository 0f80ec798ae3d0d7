"""Estimates of the KL divergence of the policy from the reference, token by token.

For x drawn from the policy p, with the reference q and r = q(x) / p(x), KL(p || q) = E[-log r]:

- k1 = -log r            unbiased; single values may be negative
- k2 = (log r)^2 / 2     biased, never negative
- k3 = (r - 1) - log r   unbiased, never negative; what GRPO adds to its loss

Shapes: any, the same for both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

KlName = Literal["k1", "k2", "k3"]


def k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Log p - log q.

    >>> k1(torch.tensor([-1.0]), torch.tensor([-3.0]))
    tensor([2.])
    """
    return logprobs - ref_logprobs


def k2(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """(log p - log q)^2 / 2.

    >>> k2(torch.tensor([-1.0]), torch.tensor([-3.0]))
    tensor([2.])
    """
    return (logprobs - ref_logprobs).square() / 2


def k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Q / p - 1 - log(q / p).

    >>> k3(torch.tensor([-1.0]), torch.tensor([-1.0]))
    tensor([0.])
    """
    log_ratio = ref_logprobs - logprobs
    return torch.exp(log_ratio) - log_ratio - 1


ESTIMATORS: dict[KlName, Callable[[Tensor, Tensor], Tensor]] = {"k1": k1, "k2": k2, "k3": k3}
