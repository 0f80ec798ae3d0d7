"""Weights are looked for as a path, in a package, on the hub, in this order, and checked."""

from __future__ import annotations

import hashlib
import sys
import types
from pathlib import Path

import pytest

from acoustics.weights import WeightsError, WeightsSettings, find_weights

CONTENT = b"weights of a model"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def _settings(path: Path | None = None, sha256: str = SHA256) -> WeightsSettings:
    return WeightsSettings(
        path=str(path) if path else None,
        package="carrier_of_weights",
        file="model.gguf",
        hub="somebody/model-GGUF",
        sha256=sha256,
    )


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that carries the file and may not be imported."""
    folder = tmp_path / "site" / "carrier_of_weights"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('heavy')")
    (folder / "model.gguf").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder / "model.gguf"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """A hub that has the file; what was asked of it."""
    asked: list[tuple[str, str]] = []
    path = tmp_path / "hub.gguf"
    path.write_bytes(CONTENT)

    def download(repository: str, file: str) -> str:
        asked.append((repository, file))
        if repository == "somebody/offline":
            raise OSError("no network")
        return str(path)

    module = types.ModuleType("huggingface_hub")
    module.__spec__ = types.SimpleNamespace(name="huggingface_hub")  # type: ignore[assignment]
    module.hf_hub_download = download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return asked


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setattr(
        "acoustics.weights.importlib.util.find_spec",
        lambda name: None if name == "huggingface_hub" else _find_spec(name),
    )


_find_spec = __import__("importlib.util", fromlist=["find_spec"]).find_spec


def test_a_path_of_ones_own_comes_first_and_is_not_checked(
    tmp_path: Path, package: Path, hub: list[tuple[str, str]]
) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"something else")
    assert find_weights(_settings(own)) == own
    assert not hub


def test_the_package_comes_before_the_hub(package: Path, hub: list[tuple[str, str]]) -> None:
    assert find_weights(_settings()) == package
    assert not hub


def test_the_hub_comes_last(tmp_path: Path, hub: list[tuple[str, str]]) -> None:
    assert find_weights(_settings()) == tmp_path / "hub.gguf"
    assert hub == [("somebody/model-GGUF", "model.gguf")]


def test_a_package_without_the_file_is_passed_over(
    package: Path, hub: list[tuple[str, str]], tmp_path: Path
) -> None:
    package.unlink()
    assert find_weights(_settings()) == tmp_path / "hub.gguf"


def test_a_path_that_is_not_there_is_an_error_even_with_a_package(
    tmp_path: Path, package: Path
) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.gguf: no such weight file \(weights\.path"):
        find_weights(_settings(tmp_path / "nowhere.gguf"))


@pytest.mark.parametrize("place", ["package", "hub"])
def test_other_content_than_was_pinned_is_refused(
    place: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(place)
    rule = f"SHA-256 is {SHA256}, not {'0' * 64} as pinned in the settings"
    with pytest.raises(WeightsError, match=rule):
        find_weights(_settings(sha256="0" * 64))


def _names_all_three(message: str) -> bool:
    return all(name in message for name in ("weights.path", "carrier_of_weights", "somebody/"))


def test_nowhere_is_one_error_that_names_all_three_places(no_hub: None) -> None:
    with pytest.raises(WeightsError) as caught:
        find_weights(_settings())
    assert _names_all_three(str(caught.value))


def test_a_hub_that_cannot_be_reached_is_the_same_error(hub: list[tuple[str, str]]) -> None:
    offline = _settings().model_copy(update={"hub": "somebody/offline"})
    with pytest.raises(WeightsError) as caught:
        find_weights(offline)
    assert _names_all_three(str(caught.value))
    assert hub == [("somebody/offline", "model.gguf")]


def test_weights_on_no_hub_are_asked_of_none(hub: list[tuple[str, str]]) -> None:
    with pytest.raises(WeightsError) as caught:
        find_weights(_settings().model_copy(update={"hub": None}))
    assert "carrier_of_weights" in str(caught.value)
    assert "hub" not in str(caught.value)
    assert not hub
