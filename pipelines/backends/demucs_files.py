"""Finds and opens Demucs models without running what is in them.

Demucs opens its ``.th`` files as pickles, which may run code, and its safetensors by a class name
inside the file, whatever class that is. Here both are opened so that they can name Demucs's own
network classes and nothing else.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import UsageError

_SIGNATURE = re.compile(r"[A-Za-z0-9_]+")
_HUB_TIMEOUT_S = 5.0
_MAX_BAG_BYTES = 1 << 16
_NETWORKS = ("demucs.demucs.Demucs", "demucs.hdemucs.HDemucs", "demucs.htdemucs.HTDemucs")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemucsFiles:
    """A bag of networks: their files, and how much of each stem is taken from which."""

    paths: tuple[Path, ...]
    stem_weights: tuple[tuple[float, ...], ...] | None  # of each network; None: all alike
    segment_s: float | None  # instead of the networks' own, where it is shorter

    def sha256(self) -> list[str]:
        """The hash of each network's file."""
        hashes = []
        for path in self.paths:
            with path.open("rb") as stream:
                hashes.append(hashlib.file_digest(stream, "sha256").hexdigest())
        return hashes


def find_demucs(model: str, repository: str | None) -> DemucsFiles:
    """The files of a model by name.

    Args:
        model: a bag's name (``<model>.yaml``), or the signature of one network.
        repository: a folder that has them; None for Demucs's place on the Hugging Face hub.

    Raises:
        UsageError: Demucs is not installed, or the model is not there or cannot be reached.
    """
    if importlib.util.find_spec("demucs") is None:
        raise UsageError(
            "the separator demucs needs the extra `media` (`make setup` installs it); "
            "or use --backend embedded"
        )
    _check_signature(model, "separate.demucs.model in params.yaml")
    if repository is None:
        return _on_hub(model)
    folder = Path(repository)
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder (separate.demucs.repository in params.yaml)")
    bag = folder / f"{model}.yaml"
    if not bag.is_file():
        return DemucsFiles(paths=(_network(folder, model),), stem_weights=None, segment_s=None)
    signatures, weights, segment_s = _read_bag(bag)
    paths = tuple(_network(folder, signature) for signature in signatures)
    return DemucsFiles(paths=paths, stem_weights=weights, segment_s=segment_s)


def open_network(path: Path) -> Any:  # noqa: ANN401  (one of Demucs's networks, untyped)
    """The network of a file, on the CPU, ready to separate.

    Raises:
        UsageError: the file is not a network of Demucs, or names anything else.
    """
    import torch

    package = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    try:
        network = package["klass"](*package["args"], **package["kwargs"])
        network.load_state_dict(package["state"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UsageError(f"{path}: not a network of Demucs: {_line(error)}") from error
    if not isinstance(network, torch.nn.Module):
        raise UsageError(f"{path}: not a network of Demucs")
    return network.eval().requires_grad_(False)


def _read_pickle(path: Path) -> Any:  # noqa: ANN401
    import pickle

    import torch

    allowed = [*(_network_class(name) for name in _NETWORKS), Fraction]
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise UsageError(
            f"{path}: not a network of Demucs that can be opened safely: {_line(error)}; "
            "models that need more than tensors and their shape are not opened"
        ) from error


def _read_safetensors(path: Path) -> dict[str, Any]:
    import json

    import safetensors

    try:
        with safetensors.safe_open(str(path), framework="pt") as opened:
            metadata = opened.metadata() or {}
            state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        if metadata.get("klass") not in _NETWORKS or "structure" in metadata:
            raise UsageError(
                f"{path}: names {metadata.get('klass')}, which is not a plain network of Demucs; "
                "quantized models are not supported"
            )
        return {
            "klass": _network_class(metadata["klass"]),
            "args": _decoded(json.loads(metadata["args"])),
            "kwargs": _decoded(json.loads(metadata["kwargs"])),
            "state": state,
        }
    except (safetensors.SafetensorError, OSError, KeyError, ValueError) as error:
        raise UsageError(f"{path}: not a network of Demucs: {_line(error)}") from error


def _decoded(value: Any) -> Any:  # noqa: ANN401  (JSON)
    """Arguments as Demucs writes them into safetensors: JSON, with an object for a fraction."""
    if isinstance(value, dict):
        if value.get("_type") == "fraction":
            return Fraction(value["numerator"], value["denominator"])
        return {key: _decoded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_decoded(one) for one in value]
    return value


def _network_class(name: str) -> Any:  # noqa: ANN401
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _network(folder: Path, signature: str) -> Path:
    """The one file of a signature; where the name has a checksum, it is checked."""
    found = sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".th", ".safetensors") and path.stem.split("-")[0] == signature
    )
    if len(found) != 1:
        what = "no file" if not found else "more than one file"
        raise UsageError(
            f"{folder}: {what} of the network {signature} ({signature}.safetensors, {signature}.th "
            f"or {signature}-<checksum>.th)"
        )
    _, dash, checksum = found[0].stem.partition("-")
    if dash:
        with found[0].open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if not checksum or not digest.startswith(checksum):
            raise UsageError(f"{found[0]}: SHA-256 is {digest}, which its name denies")
    return found[0]


def _read_bag(
    path: Path,
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...] | None, float | None]:
    """Signatures, weights and segment of a bag's YAML."""
    try:
        if path.stat().st_size > _MAX_BAG_BYTES:
            raise UsageError(f"{path}: too big for a bag of Demucs models")
        bag = yaml.safe_load(path.read_text(encoding="utf-8"))
        signatures = tuple(_check_signature(one, str(path)) for one in bag["models"])
        weights, segment = bag.get("weights"), bag.get("segment")
        rows = None if weights is None else tuple(tuple(map(float, row)) for row in weights)
        seconds = None if segment is None else float(segment)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path}: not a bag of Demucs models: {_line(error)}") from error
    if not signatures or (rows is not None and len(rows) != len(signatures)):
        raise UsageError(f"{path}: not a bag of Demucs models: its weights are not its models'")
    return signatures, rows, seconds


def _check_signature(signature: object, where: str) -> str:
    if not isinstance(signature, str) or _SIGNATURE.fullmatch(signature) is None:
        raise UsageError(f"{where}: {signature!r} is not the name of a Demucs model")
    return signature


def _on_hub(model: str) -> DemucsFiles:
    from demucs.hf import DEFAULT_NAMESPACE, hf_repo_name

    hub = f"{DEFAULT_NAMESPACE}/{hf_repo_name(model)}"
    signatures, weights, segment_s = _read_bag(_from_hub(hub, f"{model}.yaml"))
    paths = tuple(_from_hub(hub, f"{signature}.safetensors") for signature in signatures)
    return DemucsFiles(paths=paths, stem_weights=weights, segment_s=segment_s)


def _from_hub(hub: str, file: str) -> Path:
    import huggingface_hub

    cached = huggingface_hub.try_to_load_from_cache(hub, file)
    if isinstance(cached, str):
        return Path(cached)
    # The hub's own download tries again for 23 seconds before it says that there is no network.
    try:
        url = huggingface_hub.hf_hub_url(hub, file)
        huggingface_hub.get_session().head(url, timeout=_HUB_TIMEOUT_S)
        return Path(huggingface_hub.hf_hub_download(hub, file))
    except Exception as error:  # the HTTP client behind the hub, and so its errors, may be any
        raise UsageError(
            f"the Demucs model {file} of {hub} is not in the hub's cache here and cannot be "
            f"downloaded ({_line(error)}): set separate.demucs.repository in params.yaml to a "
            "folder that has the model's files, or use --backend embedded"
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
