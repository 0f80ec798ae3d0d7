"""Which processor a model runs on."""

from __future__ import annotations

from typing import Literal

from pipelines.errors import UsageError


def choose_device(wanted: Literal["auto", "cpu", "cuda"]) -> Literal["cpu", "cuda"]:
    """The device of this machine: ``auto`` is the GPU where there is one.

    Raises:
        UsageError: a GPU is asked for, and torch finds none.
    """
    if wanted == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise UsageError("device cuda: torch finds no GPU here; use --device cpu, or auto")
    return "cpu"
