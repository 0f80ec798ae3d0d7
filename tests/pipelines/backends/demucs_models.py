"""Small Demucs models of the real classes with random weights, saved as Demucs saves its own."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

SOURCES = ["drums", "bass", "other", "vocals"]
SMALL: dict[str, Any] = {
    "channels": 8,
    "growth": 2,
    "nfft": 4096,
    "depth": 4,
    "t_layers": 1,
    "t_heads": 2,
    "segment": Fraction(3, 2),
}


def small_model(seed: int = 0, sources: list[str] | None = None) -> HTDemucs:
    """A hybrid transformer that works and knows nothing."""
    torch.manual_seed(seed)
    model: HTDemucs = HTDemucs(sources=sources or SOURCES, **SMALL)
    model.eval()
    return model


def _made_with(model: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:  # noqa: ANN401
    """What the network was made with, as Demucs notes it on every network."""
    arguments, keywords = model._init_args_kwargs
    return arguments, keywords


def save_pickle(folder: Path, signature: str, model: HTDemucs, checksum: bool = True) -> Path:
    """``<signature>-<checksum>.th``, as Demucs's training writes it."""
    arguments, keywords = _made_with(model)
    path = folder / f"{signature}.th"
    package = {
        "klass": type(model),
        "args": arguments,
        "kwargs": keywords,
        "state": {name: value.half() for name, value in model.state_dict().items()},
        "training_args": {"seed": 42, "dset": {"samplerate": 44100}},
    }
    torch.save(package, path)
    if checksum:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        path = path.rename(folder / f"{signature}-{digest}.th")
    return path


def save_safetensors(
    folder: Path, signature: str, model: HTDemucs, klass: str = "demucs.htdemucs.HTDemucs"
) -> Path:
    """``<signature>.safetensors``, as Demucs keeps it on the hub."""

    def plain(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, Fraction):
            return {
                "_type": "fraction",
                "numerator": value.numerator,
                "denominator": value.denominator,
            }
        return value

    arguments, keywords = _made_with(model)
    path = folder / f"{signature}.safetensors"
    metadata = {
        "klass": klass,
        "args": json.dumps(list(arguments)),
        "kwargs": json.dumps({key: plain(value) for key, value in keywords.items()}),
    }
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path, metadata)
    return path
