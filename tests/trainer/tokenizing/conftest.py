"""Emitted shards of real speech, and a codec fitted on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainer.emitted import game_lines
from trainer.tokenize import main


@pytest.fixture(scope="session")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("emit")
    game_lines(folder)
    return folder


@pytest.fixture(scope="session")
def codec(emitted: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("codec") / "codec.safetensors"
    arguments = ["--set", "fit.clusters=64", "--set", "fit.iterations=5"]
    tokenizer = f"kmeans:{path}"
    assert main(["--fit", "--tokenizer", tokenizer, "--input", str(emitted), *arguments]) == 0
    return tokenizer
