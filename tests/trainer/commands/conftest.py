"""The folder that the commands run in: real speech, tokenized, and tiny models."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.trainer.demo import make_demo


@pytest.fixture(scope="session")
def made_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    with contextlib.chdir(folder):
        return make_demo(folder)


@pytest.fixture
def demo(made_demo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder for all tests, as the working directory."""
    monkeypatch.chdir(made_demo)
    return made_demo
