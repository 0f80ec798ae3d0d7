"""Weights that cannot be had are bad usage of a stage, said before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from acoustics.weights import WeightsSettings
from pipelines.backends.weights import find_weights, weights_sha256
from pipelines.errors import UsageError


def _settings(path: Path) -> WeightsSettings:
    return WeightsSettings(
        path=str(path), package="carrier_of_weights", file="model.gguf", hub=None, sha256="0" * 64
    )


def test_a_path_that_is_there_is_found(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"weights")
    assert find_weights(_settings(own)) == own


@pytest.mark.parametrize("find", [find_weights, weights_sha256])
def test_what_is_nowhere_is_bad_usage_that_names_params_yaml(find: object, tmp_path: Path) -> None:
    assert callable(find)
    with pytest.raises(UsageError, match=r"nowhere\.gguf: .*weights\.path in params\.yaml"):
        find(_settings(tmp_path / "nowhere.gguf"))
