"""The loop: batches -> steps, the same to the bit after a kill as without one.

A step's gradient is that of ``sum of losses / sum of weights`` over all its microbatches on all
ranks. Neither the number of microbatches nor that of ranks changes what is computed, only the
order of additions.
"""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from trainer.errors import TrainerError
from trainer.loop.checkpoint import Checkpoints
from trainer.loop.logs import RunLog
from trainer.loop.optim import learning_rate, make_optimizer, set_learning_rate
from trainer.loop.ranks import Ranks, gradients_later
from trainer.loop.settings import LoopSettings, OptimSettings
from trainer.loop.task import Stream, Task


class NotFinite(TrainerError):
    """The loss or its gradient is not a finite number: nothing after it would mean anything."""


def train(
    model: nn.Module,
    task: Task,
    stream: Stream,
    *,
    ranks: Ranks,
    loop: LoopSettings,
    optim: OptimSettings,
    total_steps: int,
    folder: Path,
    fingerprint: str,
) -> int:
    """Trains to the last step, from the newest checkpoint if there is one.

    Args:
        model: on its device and wrapped, see :func:`trainer.loop.ranks.spread`.
        task: how a batch becomes a loss.
        stream: global batches, the same on every rank.
        ranks: this process among all.
        loop: how often to log and to keep.
        optim: AdamW and its schedule.
        total_steps: where the schedule ends.
        folder: of the run: logs and checkpoints.
        fingerprint: hash of the configuration and the data; a checkpoint of another is refused.

    Returns:
        Steps done in this call.

    Raises:
        NotFinite: the loss or its gradient is infinite or NaN; the last checkpoint stays.
        UsageError: the newest checkpoint is of another configuration or number of ranks.
    """
    seed_everything(loop.seed)
    optimizer = make_optimizer(model, optim)
    checkpoints = Checkpoints(folder, ranks, fingerprint, loop.keep_checkpoints)
    newest = checkpoints.latest()
    first = checkpoints.load(newest, model, optimizer, stream) if newest is not None else 0
    batches = iter(stream)
    with RunLog(folder, total_steps, task.name, active=ranks.first) as log:
        for step in range(first, total_steps):
            started = time.perf_counter()
            rate = learning_rate(step, total_steps, optim)
            set_learning_rate(optimizer, rate)
            facts = _step(model, task, next(batches), optimizer, step, ranks, loop, optim)
            if (step + 1) % loop.log_every == 0 or step + 1 == total_steps:
                seconds = time.perf_counter() - started
                if "tokens" in facts:
                    facts["tokens_per_s"] = facts["tokens"] / seconds
                log.step(step, {**facts, "learning_rate": rate, "seconds": seconds})
            if (step + 1) % loop.checkpoint_every == 0 or step + 1 == total_steps:
                checkpoints.save(step + 1, model, optimizer, stream)
    return max(0, total_steps - first)


def _step(
    model: nn.Module,
    task: Task,
    batch: Any,  # noqa: ANN401  (the stream's own)
    optimizer: torch.optim.Optimizer,
    step: int,
    ranks: Ranks,
    loop: LoopSettings,
    optim: OptimSettings,
) -> dict[str, float]:
    """One step; gives its facts, of all ranks together."""
    with _arithmetic(loop, ranks.device):  # what rollouts and the reference are computed in too
        parts, facts = task.microbatches(batch, model, step)
    if not parts:  # every rank takes part in the exchange of gradients
        raise ValueError(f"{task.name}: rank {ranks.rank} got no microbatch in step {step}")
    weights = [task.weight(part) for part in parts]
    total = float(ranks.sum(torch.tensor(sum(weights), dtype=torch.float64, device=ranks.device)))
    if not total:
        return {**ranks.mean(facts), "skipped": 1.0}  # no row of it has anything to learn from
    optimizer.zero_grad(set_to_none=True)
    loss_sum, sums = _backward(model, task, parts, total, ranks, loop)
    loss = float(ranks.sum(loss_sum)) / total
    norm = float(_whole(clip(model, optim.max_grad_norm)))
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise NotFinite(
            f"step {step}: the loss is {loss}, its gradient's norm {norm}; the last checkpoint "
            "stays; look at the rows of this step, or lower the learning rate"
        )
    optimizer.step()
    return {"loss": loss, "grad_norm": norm, **ranks.mean(facts), **_together(sums, total, ranks)}


def _backward(
    model: nn.Module,
    task: Task,
    parts: Sequence[Any],
    total: float,
    ranks: Ranks,
    loop: LoopSettings,
) -> tuple[Tensor, Counter[str]]:
    """Gradients of all microbatches; the sum of their losses, and of their facts."""
    loss_sum = torch.zeros((), dtype=torch.float64, device=ranks.device)
    sums: Counter[str] = Counter()
    # Ranks exchange gradients once a pass, so all need the same number of passes: who has fewer
    # microbatches does its first one again and counts it as nothing.
    passes = _most(len(parts), ranks)
    for index in range(passes):
        counts = index < len(parts)
        with (
            gradients_later(model, later=index + 1 < passes),
            _arithmetic(loop, ranks.device),
        ):
            part = task.loss(model, parts[index] if counts else parts[0])
            # Gradients are averaged over the ranks; the loss is a sum over them.
            scaled = part.total * (ranks.world_size / total if counts else 0.0)
            scaled.backward()
        if counts:
            loss_sum += part.total.detach().double()
            sums.update(part.facts)
    return loss_sum, sums


def _most(number: int, ranks: Ranks) -> int:
    if ranks.world_size == 1:
        return number
    most = torch.tensor(number, device=ranks.device)
    torch.distributed.all_reduce(most, op=torch.distributed.ReduceOp.MAX)
    return int(most)


def _together(sums: Counter[str], total: float, ranks: Ranks) -> dict[str, float]:
    """The facts summed over ranks, divided by the step's weight; `tokens` stays a sum."""
    names = sorted(sums)
    values = torch.tensor([float(sums[n]) for n in names], dtype=torch.float64)
    together = ranks.sum(values.to(ranks.device)).tolist()
    return {
        name: value if name == "tokens" else value / total
        for name, value in zip(names, together, strict=True)
    }


def clip(model: nn.Module, max_norm: float | None) -> Tensor:
    """The norm of the whole gradient, which is scaled down to ``max_norm`` where it is above."""
    weights = [weight for weight in model.parameters() if weight.grad is not None]
    return torch.nn.utils.clip_grad_norm_(weights, float("inf") if max_norm is None else max_norm)


def _whole(value: Tensor) -> Tensor:
    whole: Tensor = value.full_tensor() if isinstance(value, DTensor) else value
    return whole


def _arithmetic(
    loop: LoopSettings, device: torch.device
) -> contextlib.AbstractContextManager[object]:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=loop.precision == "bfloat16")


def seed_everything(seed: int) -> None:
    """Seeds what dropout and sampling draw from; the order of rows does not depend on it."""
    random.seed(seed)
    torch.manual_seed(seed)
