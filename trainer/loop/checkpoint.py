"""Checkpoints: model, optimiser, data stream, random generators and step, of all ranks.

``<run>/checkpoints/step-00000500/`` is written under a temporary name and renamed when every rank
is done; ``checkpoint.json`` inside says what it is of. Model and optimiser go through
torch.distributed.checkpoint, which shards them; what is a rank's own is in ``rank-0.pt``.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load as load_state
from torch.distributed.checkpoint.state_dict_saver import save as save_state

from trainer.errors import DataError, UsageError
from trainer.loop.ranks import Ranks, plain
from trainer.loop.task import Stream

FOLDER = "checkpoints"
_DONE = "checkpoint.json"
_PREFIX = "step-"


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, run: Path, ranks: Ranks, fingerprint: str, keep: int) -> None:
        """Takes the run's folder.

        Args:
            run: the run's output folder, seen by all ranks.
            ranks: this process among all.
            fingerprint: hash of all that must not change between the parts of one run.
            keep: how many of the newest are kept.
        """
        self._folder, self._ranks = run / FOLDER, ranks
        self._fingerprint, self._keep = fingerprint, keep

    def latest(self) -> Path | None:
        """The newest finished one; None before the first."""
        found = sorted(self._folder.glob(f"{_PREFIX}*[0-9]"))
        whole = [path for path in found if (path / _DONE).is_file()]
        return whole[-1] if whole else None

    def save(
        self, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, stream: Stream
    ) -> Path:
        """Keeps the state after ``step`` steps; all ranks call it."""
        path = self._folder / f"{_PREFIX}{step:08d}"
        temporary = path.with_suffix(".tmp")
        if self._ranks.first:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        self._ranks.barrier()
        weights, moments = get_state_dict(plain(model), optimizer)
        alone = self._ranks.world_size == 1
        with _about_one_process():
            save_state(
                {"model": weights, "optimizer": moments},
                checkpoint_id=str(temporary),
                no_dist=alone,
            )
        torch.save(_random_state(), temporary / f"rank-{self._ranks.rank}.pt")
        self._ranks.barrier()
        if self._ranks.first:
            about = {
                "step": step,
                "world_size": self._ranks.world_size,
                "fingerprint": self._fingerprint,
                "stream": stream.state_dict(),
            }
            (temporary / _DONE).write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
            for old in sorted(self._folder.glob(f"{_PREFIX}*[0-9]"))[: -self._keep]:
                shutil.rmtree(old)
        self._ranks.barrier()
        return path

    def load(
        self, path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, stream: Stream
    ) -> int:
        """Puts everything back and gives the number of steps done.

        Raises:
            UsageError: the checkpoint is of another configuration or number of ranks.
            DataError: it is damaged.
        """
        about = self._about(path)
        weights, moments = get_state_dict(plain(model), optimizer)
        state: dict[str, Any] = {"model": weights, "optimizer": moments}
        try:
            with _about_one_process():
                load_state(state, checkpoint_id=str(path), no_dist=self._ranks.world_size == 1)
            own = torch.load(path / f"rank-{self._ranks.rank}.pt", weights_only=True)
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise DataError(
                f"{path}: damaged checkpoint ({error}); delete the folder to go on from an "
                "earlier one"
            ) from error
        set_state_dict(
            plain(model),
            optimizer,
            model_state_dict=state["model"],
            optim_state_dict=state["optimizer"],
        )
        stream.load_state_dict(about["stream"])
        _set_random_state(own)
        return int(about["step"])

    def _about(self, path: Path) -> dict[str, Any]:
        try:
            about: dict[str, Any] = json.loads((path / _DONE).read_text(encoding="utf-8"))
            world_size, fingerprint = about["world_size"], about["fingerprint"]
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{path / _DONE}: not a checkpoint's description: {error}") from error
        if world_size != self._ranks.world_size:
            raise UsageError(
                f"{path}: was made by {world_size} ranks, this run has {self._ranks.world_size}; "
                f"start it with --nproc-per-node {world_size}, or use another --output"
            )
        if fingerprint != self._fingerprint:
            raise UsageError(
                f"{path}: was made with another configuration; go back to that one, or use "
                "another --output"
            )
        return about


@contextlib.contextmanager
def _about_one_process() -> Iterator[None]:
    """Without the remark that one process is one process."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def _random_state() -> dict[str, Any]:
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    }
    version, numbers, gauss = random.getstate()
    state["python"] = [version, list(numbers), gauss]
    return state


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
