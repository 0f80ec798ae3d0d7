"""The head of a language model, projected in blocks, forwards and backwards.

What `trainer.logprobs` runs on. A block is some targets by some ids; its logits are made, used and
overwritten, in the forward pass and once more in the backward pass, and none is ever kept.

Shapes: N targets, M of them in one part, D width of the model, V ids, K ids in a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

BLOCK = 8192  # ids at a time; by 1,024 targets 32 MiB of logits
_NOTHING = -1e4  # exp of it is exactly 0 in float32


@dataclass(frozen=True, slots=True)
class Part:
    """Targets with the same support, and the ids in it."""

    rows_M: Tensor | None  # which targets; None: all
    columns_K: Tensor | None  # the only ids to project, ascending; None: all
    blocked_V: Tensor | None  # bool: ids that are projected with the rest and then left out


@dataclass(slots=True)
class _Block:
    """The logits of some targets over some ids."""

    logits: Tensor  # float32, divided by the temperature; this block's own, to be overwritten
    local: Tensor  # for each of its targets, the column of its id; meaningless where not inside
    inside: Tensor  # bool: its id is among the columns


class _Blocks:
    """Goes over targets and ids in blocks, the same way forwards and backwards."""

    def __init__(
        self,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor | None,
        ids_N: Tensor,
        temperature: float,
        chunk: int,
    ) -> None:
        self.hidden_ND, self.weight_VD, self.bias_V = hidden_ND, weight_VD, bias_V
        self.ids_N, self.temperature, self.chunk = ids_N, temperature, chunk

    def rows(self, part: Part) -> list[Tensor | slice]:
        """The targets of a part, `chunk` at a time."""
        if part.rows_M is not None:
            return list(part.rows_M.split(self.chunk))
        return [
            slice(start, min(start + self.chunk, len(self.ids_N)))
            for start in range(0, len(self.ids_N), self.chunk)
        ]

    def columns(self, part: Part) -> list[Tensor | slice]:
        """The ids of a part, a block at a time."""
        if part.columns_K is not None:
            return list(part.columns_K.split(BLOCK))
        ids = self.weight_VD.shape[0]
        return [slice(start, min(start + BLOCK, ids)) for start in range(0, ids, BLOCK)]

    def weight(self, columns: Tensor | slice) -> Tensor:
        """These rows of the head, in the type of the hidden states."""
        return self.weight_VD[columns].to(self.hidden_ND.dtype)

    def block(
        self, part: Part, rows: Tensor | slice, columns: Tensor | slice, weight_KD: Tensor
    ) -> _Block:
        """The logits of these targets over these ids."""
        logits = (self.hidden_ND[rows] @ weight_KD.T).float()
        if self.bias_V is not None:
            logits += self.bias_V[columns].float()
        if self.temperature != 1.0:
            logits /= self.temperature
        if part.blocked_V is not None:
            logits.masked_fill_(part.blocked_V[columns], float("-inf"))
        ids = self.ids_N[rows]
        if isinstance(columns, slice):
            local = ids - columns.start
            inside = (local >= 0) & (local < logits.shape[1])
            local = local.clamp(0, logits.shape[1] - 1)
        else:
            local = torch.searchsorted(columns, ids).clamp(max=logits.shape[1] - 1)
            inside = columns[local] == ids
        return _Block(logits, local, inside)


class SelectedLogProbs(torch.autograd.Function):
    """Log-probs and entropies of targets; keeps no logits for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        hidden_ND: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor | None,
        ids_N: Tensor,
        parts: Sequence[Part],
        temperature: float,
        chunk: int,
        with_entropy: bool,
    ) -> tuple[Tensor, Tensor]:
        """Log-probs [N] and entropies [N], the latter 0 where not asked for; both float32."""
        blocks = _Blocks(hidden_ND, weight_VD, bias_V, ids_N, temperature, chunk)
        target_N = torch.zeros(len(ids_N), dtype=torch.float32, device=hidden_ND.device)
        lse_N, entropy_N = torch.zeros_like(target_N), torch.zeros_like(target_N)
        with torch.autocast(hidden_ND.device.type, enabled=False):
            for part in parts:
                for rows in blocks.rows(part):
                    running = _LogSumExp(target_N[rows], with_entropy)
                    for columns in blocks.columns(part):
                        block = blocks.block(part, rows, columns, blocks.weight(columns))
                        found = block.logits.gather(1, block.local[:, None])[:, 0]
                        target_N[rows] += torch.where(block.inside, found, 0.0)
                        running.add(block.logits)
                    lse_N[rows], entropy_N[rows] = running.finish()
        ctx.save_for_backward(hidden_ND, weight_VD, bias_V, ids_N, lse_N, entropy_N)
        ctx.rest = (parts, temperature, chunk, with_entropy)
        return target_N - lse_N, entropy_N

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        grad_logprob_N: Tensor,
        grad_entropy_N: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """The gradients of hidden states, weight and bias; the logits are made again."""
        hidden_ND, weight_VD, bias_V, ids_N, lse_N, entropy_N = ctx.saved_tensors
        parts, temperature, chunk, with_entropy = ctx.rest
        blocks = _Blocks(hidden_ND, weight_VD, bias_V, ids_N, temperature, chunk)
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        dtype = hidden_ND.dtype
        grad_hidden_ND = torch.zeros_like(hidden_ND, dtype=torch.float32)
        grad_weight_VD = torch.zeros_like(weight_VD) if wants_weight else None
        grad_bias_V = torch.zeros_like(bias_V) if wants_bias else None
        with torch.autocast(hidden_ND.device.type, enabled=False):
            for part in parts:
                for columns in blocks.columns(part):
                    weight_KD = blocks.weight(columns)
                    # Summed over all targets in float32, then rounded once to the weight's type.
                    sum_KD = torch.zeros_like(weight_KD, dtype=torch.float32)
                    sum_K = torch.zeros_like(sum_KD[:, 0])
                    for rows in blocks.rows(part):
                        block = blocks.block(part, rows, columns, weight_KD)
                        grads = _logit_grads(
                            block,
                            lse_N[rows],
                            grad_logprob_N[rows],
                            entropy_N[rows] if with_entropy else None,
                            grad_entropy_N[rows],
                        )
                        if temperature != 1.0:
                            grads /= temperature
                        typed = grads.to(dtype)
                        if wants_hidden:
                            grad_hidden_ND[rows] += (typed @ weight_KD).float()
                        if wants_weight:
                            sum_KD += (typed.T @ hidden_ND[rows]).float()
                        if wants_bias:
                            sum_K += grads.sum(0)
                    if grad_weight_VD is not None:
                        grad_weight_VD[columns] += sum_KD.to(grad_weight_VD.dtype)
                    if grad_bias_V is not None:
                        grad_bias_V[columns] += sum_K.to(grad_bias_V.dtype)
        grad_hidden = grad_hidden_ND.to(dtype) if wants_hidden else None
        return grad_hidden, grad_weight_VD, grad_bias_V, None, None, None, None, None


def _logit_grads(
    block: _Block,
    lse_M: Tensor,
    grad_logprob_M: Tensor,
    entropy_M: Tensor | None,
    grad_entropy_M: Tensor,
) -> Tensor:
    """What reaches the logits, which are overwritten, from the log-probs and the entropies.

    d log p(target) / d logit = [target] - p, and d H / d logit = -p (log p + H). An id outside the
    support has p = 0, so nothing reaches it.
    """
    logprobs = block.logits.sub_(lse_M[:, None]).clamp_(min=_NOTHING)
    if entropy_M is None:
        grads = logprobs.exp_().mul_(-grad_logprob_M[:, None])
    else:
        probs = logprobs.exp()
        grads = logprobs.add_(entropy_M[:, None]).mul_(probs).mul_(-grad_entropy_M[:, None])
        grads.addcmul_(probs, -grad_logprob_M[:, None])
    at_target_M = torch.where(block.inside, grad_logprob_M, 0.0)
    grads.scatter_add_(1, block.local[:, None], at_target_M[:, None])
    return grads


class _LogSumExp:
    """log-sum-exp and entropy over blocks of ids, as stable as over all of them at once."""

    def __init__(self, like_M: Tensor, with_entropy: bool) -> None:
        self._max_M = torch.full_like(like_M, torch.finfo(torch.float32).min)
        self._sum_M = torch.zeros_like(like_M)  # of exp(logit - max)
        self._moment_M = torch.zeros_like(like_M)  # of exp(logit - max) * (logit - max)
        self._with_entropy = with_entropy

    def add(self, logits: Tensor) -> None:
        """One more block, which is overwritten."""
        max_M = torch.maximum(self._max_M, logits.amax(1))
        fall_M = (self._max_M - max_M).clamp(min=_NOTHING)
        shifted = logits.sub_(max_M[:, None]).clamp_(min=_NOTHING)
        if self._with_entropy:
            weights = shifted.exp()
            moment_M = (weights * shifted).sum(1)
            self._moment_M = (self._moment_M + fall_M * self._sum_M) * fall_M.exp() + moment_M
        else:
            weights = shifted.exp_()
        self._sum_M = self._sum_M * fall_M.exp() + weights.sum(1)
        self._max_M = max_M

    def finish(self) -> tuple[Tensor, Tensor]:
        """The log-sum-exp, and the entropy in nats, 0 where it was not asked for."""
        entropy_M = self._sum_M.log() - self._moment_M / self._sum_M
        lse_M = self._max_M + self._sum_M.log()
        return lse_M, entropy_M if self._with_entropy else torch.zeros_like(lse_M)
