"""Finds the files of a pyannote pipeline, and makes sure that opening them runs nothing.

pyannote.audio opens its checkpoints as pickles, which may run code, and takes class names from them
and from ``config.yaml``. Here both are read first, so that they can name pyannote's own diarization
pipeline, its own networks, and nothing else; and so that every model is in the pipeline's folder,
where it can be hashed, rather than fetched from elsewhere on the way.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import UsageError

_CONFIG = "config.yaml"
_CHECKPOINT = "pytorch_model.bin"
_PLDA = ("xvec_transform.npz", "plda.npz")
_PIPELINES = (
    "pyannote.audio.pipelines.SpeakerDiarization",
    "pyannote.audio.pipelines.speaker_diarization.SpeakerDiarization",
)
_NETWORKS = "pyannote.audio.models."
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_OWN_FOLDER = re.compile(r"\$model/([A-Za-z0-9_-]+)", re.ASCII)
_HUB_TIMEOUT_S = 5.0
_MAX_CONFIG_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class PyannoteFiles:
    """A pipeline's folder, and the files in it that its output depends on."""

    folder: Path
    checkpoints: tuple[Path, ...]
    others: tuple[Path, ...]  # its configuration, and arrays

    def sha256(self) -> dict[str, str]:
        """The hash of each file, by its name in the folder."""
        hashes = {}
        for path in (*self.checkpoints, *self.others):
            with path.open("rb") as stream:
                name = path.relative_to(self.folder).as_posix()
                hashes[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        return hashes


def find_pipeline(pipeline: str, revision: str | None) -> PyannoteFiles:
    """The files of a pipeline, downloaded where it is a name on the hub.

    Args:
        pipeline: a folder with ``config.yaml``, or a name on the Hugging Face hub.
        revision: a commit on the hub; None for the newest.

    Raises:
        UsageError: pyannote.audio is not installed, the pipeline is not there or cannot be
            reached, or it is of a kind that is not opened here.
    """
    if not _is_installed():
        raise UsageError(
            "the diarizer pyannote needs the extra `media` (`make setup` installs it); "
            "or use --backend embedded"
        )
    folder = Path(pipeline)
    if not folder.is_dir():
        folder = _on_hub(pipeline, revision)
    models = _models(folder / _CONFIG)
    checkpoints = tuple(
        folder / models[name] / _CHECKPOINT for name in ("segmentation", "embedding")
    )
    others = (folder / _CONFIG, *(folder / models["plda"] / name for name in _PLDA))
    for path in (*checkpoints, *others):
        if not path.is_file():
            raise UsageError(f"{path}: not there, though {folder / _CONFIG} needs it")
    return PyannoteFiles(folder, checkpoints, others)


def _is_installed() -> bool:
    # Asked of a package whose parent is not there, find_spec raises.
    names = ("pyannote", "pyannote.audio")
    return all(importlib.util.find_spec(name) is not None for name in names)


def check_checkpoint(path: Path) -> None:
    """Makes sure that a checkpoint holds tensors, plain values and a network of pyannote's.

    Raises:
        UsageError: it holds, or names, anything else.
    """
    import pickle

    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from torch.torch_version import TorchVersion

    try:
        with torch.serialization.safe_globals([Problem, Resolution, Specifications, TorchVersion]):
            opened = torch.load(path, map_location="meta", weights_only=True)
        module = opened["pyannote.audio"]["architecture"]["module"]
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path}: not a checkpoint of pyannote.audio that can be opened safely: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    if not isinstance(module, str) or not module.startswith(_NETWORKS):
        raise UsageError(f"{path}: its network is {module!r}, not one of {_NETWORKS}*")


def _models(config: Path) -> dict[str, str]:
    """The folders of segmentation, embedding and PLDA, as the configuration names them."""
    try:
        text = config.read_bytes()[: _MAX_CONFIG_BYTES + 1]
        if len(text) > _MAX_CONFIG_BYTES:
            raise UsageError(f"{config}: longer than {_MAX_CONFIG_BYTES} bytes")
        content: Any = yaml.safe_load(text)
        name, params = content["pipeline"]["name"], content["pipeline"]["params"]
        wanted = {model: params.get(model) for model in ("segmentation", "embedding", "plda")}
    except OSError as error:
        raise UsageError(f"{config}: cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{config}: not the configuration of a pipeline: {error}") from error
    if name not in _PIPELINES or "preprocessors" in content:
        raise UsageError(
            f"{config}: its pipeline is {name!r}, or it has preprocessors; only a plain "
            f"{_PIPELINES[0]} is opened here"
        )
    folders = {}
    for model, value in wanted.items():
        found = _OWN_FOLDER.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise UsageError(
                f"{config}: pipeline.params.{model} is {value!r}; its model must be in the "
                f"pipeline's own folder ($model/{model}), as in "
                "pyannote/speaker-diarization-community-1"
            )
        folders[model] = found[1]
    return folders


def _on_hub(name: str, revision: str | None) -> Path:
    if not _HUB_NAME.fullmatch(name):
        raise UsageError(f"{name}: no such folder (diarize.pyannote.pipeline in params.yaml)")
    import huggingface_hub

    try:
        folder = huggingface_hub.snapshot_download(
            name,
            revision=revision,
            allow_patterns=[_CONFIG, f"*/{_CHECKPOINT}", *(f"*/{one}" for one in _PLDA)],
            etag_timeout=_HUB_TIMEOUT_S,
        )
    except (OSError, ValueError) as error:  # offline, gated, no such repository, no such commit
        raise UsageError(
            f"the diarization pipeline {name} is not a folder here, and cannot be had from the "
            f"Hugging Face hub ({' '.join(str(error).split())[:200]}). Set "
            "diarize.pyannote.pipeline in params.yaml to a folder that has it; or accept its terms "
            "on the hub and set HF_TOKEN; or use --backend embedded"
        ) from error
    return Path(folder)
