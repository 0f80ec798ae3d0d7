"""The processes that train together: one a GPU under torchrun, or this one alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import (
    FSDPModule,
    MixedPrecisionPolicy,
    fully_shard,
    register_fsdp_forward_method,
)
from torch.nn.parallel import DistributedDataParallel

from trainer.errors import UsageError
from trainer.loop.settings import LoopSettings

WITHIN = "within"  # the method of a policy in which rollouts are drawn
Result = TypeVar("Result")


@dataclass(frozen=True)
class Ranks:
    """This process among all."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this one writes logs and exports."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all ranks, on every rank."""
        if self.world_size > 1:
            dist.all_reduce(values)
        return values

    def mean(self, facts: Mapping[str, float]) -> dict[str, float]:
        """Each fact's mean over the ranks that have it, on every rank."""
        if self.world_size == 1:
            return dict(facts)
        everyones: list[Mapping[str, float]] = [{}] * self.world_size
        dist.all_gather_object(everyones, dict(facts))
        found: dict[str, list[float]] = {}
        for one in everyones:
            for name, value in one.items():
                found.setdefault(name, []).append(value)
        return {name: sum(values) / len(values) for name, values in sorted(found.items())}

    def any(self, one: bool) -> bool:
        """Whether any rank says so."""
        return float(self.sum(torch.tensor(float(one), device=self.device))) > 0

    def barrier(self) -> None:
        """Waits for all ranks."""
        if self.world_size > 1:
            dist.barrier()


@contextlib.contextmanager
def joined(device: str = "auto") -> Iterator[Ranks]:
    """The ranks that torchrun started, or one.

    Raises:
        UsageError: a GPU is asked for and there is none.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("loop.device is cuda, but PyTorch sees no GPU here; set it to auto or cpu")
    cuda = device != "cpu" and torch.cuda.is_available()
    chosen = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(chosen)
    if world_size == 1:
        yield Ranks(0, 1, chosen)
        return
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Ranks(rank, world_size, chosen)
    finally:
        dist.destroy_process_group()


def spread(model: nn.Module, ranks: Ranks, settings: LoopSettings) -> nn.Module:
    """The model on this rank's device, wrapped for its strategy.

    With FSDP2 the decoder layers, found as the longest list of modules, are shards of their own.
    """
    model.to(ranks.device)
    if ranks.world_size == 1:
        return model
    if settings.strategy == "ddp":
        return DistributedDataParallel(model)
    mesh = init_device_mesh(ranks.device.type, (ranks.world_size,))
    half = settings.precision == "bfloat16"
    policy = MixedPrecisionPolicy(
        param_dtype=torch.bfloat16 if half else None, reduce_dtype=torch.float32
    )
    for layer in decoder_layers(model):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)
    if hasattr(model, WITHIN):
        register_fsdp_forward_method(model, WITHIN)
    return model


def decoder_layers(model: nn.Module) -> nn.ModuleList:
    """The model's blocks.

    Raises:
        UsageError: there is no list of modules in it.
    """
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise UsageError(f"{type(model).__name__} has no list of layers that FSDP could shard")
    return max(lists, key=len)


def plain(model: nn.Module) -> nn.Module:
    """The model inside DDP's wrapper; FSDP2 wraps in place."""
    return model.module if isinstance(model, DistributedDataParallel) else model


@contextlib.contextmanager
def gradients_later(model: nn.Module, later: bool) -> Iterator[None]:
    """Whether this backward pass leaves the exchange of gradients to a later one of the step."""
    if isinstance(model, FSDPModule):
        model.set_requires_gradient_sync(not later)
        yield
    elif isinstance(model, DistributedDataParallel) and later:
        with model.no_sync():
            yield
    else:
        yield


def with_whole_weights(model: nn.Module, work: Callable[[], Result]) -> Result:
    """What ``work`` gives, called while all weights are whole on every rank.

    Rollouts go through the layers token after token, and not through the wrapped model's forward.
    FSDP2 knows of no forward but its root's, so the work is done inside a method that it takes for
    one; the layers then stay whole until it is done. Every rank must go through the model equally
    often. There is nothing to do without FSDP.
    """
    if not isinstance(model, FSDPModule):
        return work()
    layers = [one for one in model.modules() if isinstance(one, FSDPModule) and one is not model]
    found: list[Result] = []
    inside: Any = getattr(model, WITHIN)
    for layer in layers:
        layer.set_reshard_after_forward(False, recurse=False)
    try:
        inside(lambda: found.append(work()))
    finally:
        for layer in layers:
            layer.set_reshard_after_forward(True, recurse=False)
            layer.reshard()
    return found[0]
