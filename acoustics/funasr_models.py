"""Loads models through funasr: emotion2vec+, Paraformer.

funasr goes on with random weights where it finds none, prints to standard output, and sets the
number of torch's threads: all three are kept in check here. It is not in the lock files; no weights
of its models come in packages.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from pathlib import Path
from typing import Any


class FunasrError(Exception):
    """The package is missing, or the model cannot be loaded; the message says what to do."""


def load_funasr(model: str, hub: str, device: str, setting: str) -> Any:  # noqa: ANN401
    """A model, ready for `generate`, with its weights in place.

    Args:
        model: a folder, or a name on the hub.
        hub: `ms` (ModelScope) or `hf` (Hugging Face).
        device: `auto`, `cpu` or `cuda`.
        setting: the setting that names the model, for messages.

    Raises:
        FunasrError: see there.
    """
    if importlib.util.find_spec("funasr") is None:
        raise FunasrError(
            f"{setting} {model!r} needs the package funasr, which is not installed: "
            "`pip install funasr`, then run this again"
        )
    import torch
    from funasr import AutoModel

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        with contextlib.redirect_stdout(sys.stderr):
            loaded = AutoModel(
                model=model,
                hub=hub,
                device=device,
                ncpu=torch.get_num_threads(),
                disable_update=True,
                disable_pbar=True,
                log_level="ERROR",
                trust_remote_code=False,
            )
    except Exception as error:  # funasr's own say little and are of every kind
        raise FunasrError(_unusable(setting, model, hub, error)) from error
    weights = loaded.kwargs.get("init_param")
    if weights is None or not Path(weights).is_file():
        raise FunasrError(_unusable(setting, model, hub, f"no weights at {weights}"))
    return loaded


def ask(model: Any, sounds: list[Any], **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """One answer a sound, in order; what funasr prints goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        answers: list[dict[str, Any]] = model.generate(sounds, **options)
    return answers


def _unusable(setting: str, model: str, hub: str, why: object) -> str:
    return (
        f"{setting} {model!r} cannot be loaded from the hub {hub!r} ({why}); set it to a folder "
        "that has the model"
    )
