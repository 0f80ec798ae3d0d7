"""Which separator is made, and where it runs."""

from __future__ import annotations

import pytest
import torch

from pipelines.backends.device import choose_device
from pipelines.backends.media_settings import SeparateSettings
from pipelines.backends.separator import choose_backend, make_separator
from pipelines.errors import UsageError
from pipelines.params import load_params


def settings(backend: str, device: str) -> SeparateSettings:
    shipped = load_params("params.yaml").separate
    return shipped.model_copy(update={"backend": backend, "device": device})


@pytest.mark.parametrize(
    ("backend", "device", "gpu", "made"),
    [
        ("auto", "auto", True, "demucs:htdemucs"),
        ("auto", "auto", False, "embedded:spleeter-2stems"),
        ("auto", "cpu", True, "embedded:spleeter-2stems"),
        ("auto", "cuda", True, "demucs:htdemucs"),
        ("demucs", "cpu", False, "demucs:htdemucs"),
        ("embedded", "auto", True, "embedded:spleeter-2stems"),
    ],
)
def test_auto_is_the_papers_separator_where_a_gpu_is(
    monkeypatch: pytest.MonkeyPatch, backend: str, device: str, gpu: bool, made: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert make_separator(settings(backend, device)).name == made
    assert made.startswith(choose_backend(settings(backend, device)))


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    with pytest.raises(UsageError, match="torch finds no GPU here"):
        make_separator(settings("auto", "cuda"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == "cuda"
    assert choose_device("cpu") == "cpu"
