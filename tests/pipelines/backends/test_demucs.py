"""Demucs: the library's own networks, found and opened without running what is in a file."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from demucs.api import Separator as DemucsOwn
from demucs.apply import apply_model

from pipelines.backends.demucs_files import find_demucs, open_network
from pipelines.backends.demucs_separator import DemucsSeparator
from pipelines.backends.media_settings import DemucsSettings
from pipelines.backends.separator import Separator
from pipelines.errors import UsageError
from tests.pipelines.backends.demucs_models import (
    SOURCES,
    save_pickle,
    save_safetensors,
    small_model,
)
from tests.pipelines.media_files import noise

RATE = 44100


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def separator(folder: Path, model: str = "small", shifts: int = 0) -> Separator:
    """A separator of a folder's model."""
    settings = DemucsSettings(model=model, repository=str(folder), shifts=shifts)
    return DemucsSeparator(settings, "cpu")


def test_the_vocals_are_demucss_own(tmp_path: Path) -> None:
    save_pickle(tmp_path, "small", small_model())
    mix = noise(4.0, RATE, 2)
    ours = separator(tmp_path).separate(mix)
    theirs = DemucsOwn(model="small", repo=tmp_path, device="cpu", shifts=0)
    _, stems = theirs.separate_tensor(torch.from_numpy(mix))
    np.testing.assert_allclose(ours, stems["vocals"].numpy(), atol=1e-5)
    assert np.abs(ours).max() > 1e-3


def test_both_kinds_of_file_hold_the_same_model(tmp_path: Path) -> None:
    pickled, tensors = tmp_path / "a", tmp_path / "b"
    pickled.mkdir()
    tensors.mkdir()
    model = small_model().half().float()  # a pickle keeps halves
    save_pickle(pickled, "small", model, checksum=False)
    save_safetensors(tensors, "small", model)
    mix = noise(1.0, RATE, 2)
    first, second = separator(pickled), separator(tensors)
    np.testing.assert_array_equal(first.separate(mix), second.separate(mix))
    assert first.identity != second.identity, "other bytes are another model as far as we know"
    for one in (first, second):
        assert (one.sample_rate_hz, one.num_channels, one.name) == (RATE, 2, "demucs:small")
        assert one.grid_frames == int(0.75 * int(1.5 * RATE))


def test_a_bag_takes_the_vocals_from_those_who_have_a_say(tmp_path: Path) -> None:
    networks = {"aa": small_model(1), "bb": small_model(2), "cc": small_model(3)}
    for signature, network in networks.items():
        save_safetensors(tmp_path, signature, network)
    (tmp_path / "bag.yaml").write_text(
        "models: [aa, bb, cc]\n"
        "weights: [[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 0, 3]]\nsegment: 1.25\n",
        encoding="utf-8",
    )
    mix = noise(3.0, RATE, 2)
    bag = separator(tmp_path, "bag")
    got = bag.separate(mix)
    parts = []
    for signature in ("aa", "cc"):
        networks[signature].segment = 1.25
        alone = mix - mix.mean()
        scale = mix.mean(axis=0).std() + 1e-8
        with torch.no_grad():
            stems = apply_model(
                networks[signature], torch.from_numpy(alone / scale)[None], shifts=0
            )
        parts.append(stems[0, SOURCES.index("vocals")].numpy() * scale + mix.mean())
    np.testing.assert_allclose(got, (parts[0] + 3 * parts[1]) / 4, atol=1e-5)
    assert bag.grid_frames == int(0.75 * int(1.25 * RATE))


def test_shifts_are_the_same_in_every_run(tmp_path: Path) -> None:
    save_safetensors(tmp_path, "small", small_model())
    mix = noise(1.0, RATE, 2)
    shifted = separator(tmp_path, shifts=1)
    np.testing.assert_array_equal(shifted.separate(mix), shifted.separate(mix))
    assert np.abs(shifted.separate(mix) - separator(tmp_path).separate(mix)).max() > 1e-6


@pytest.mark.parametrize("frames", [0, 1, 1000])
def test_a_chunk_of_any_length_keeps_it(tmp_path: Path, frames: int) -> None:
    save_safetensors(tmp_path, "small", small_model())
    vocals = separator(tmp_path).separate(np.zeros((2, frames), np.float32))
    assert vocals.shape == (2, frames)
    assert np.isfinite(vocals).all()


class Harmful:
    """A pickle that runs a command when it is opened."""

    def __init__(self, mark: Path) -> None:
        """Takes the file that tells that it ran."""
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        """What unpickling calls."""
        return (os.mkdir, (str(self.mark),))


def test_a_pickle_that_runs_code_is_not_opened(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    torch.save({"klass": Harmful(mark)}, tmp_path / "small.th")
    with pytest.raises(UsageError, match="cannot be opened safely|can be opened safely"):
        separator(tmp_path).separate(noise(0.1, RATE, 2))
    assert not mark.exists()
    (tmp_path / "small.th").write_bytes(pickle.dumps(Harmful(mark)))
    with pytest.raises(UsageError, match="can be opened safely"):
        separator(tmp_path).separate(noise(0.1, RATE, 2))
    assert not mark.exists()


def test_safetensors_name_no_class_but_demucss(tmp_path: Path) -> None:
    save_safetensors(tmp_path, "small", small_model(), klass="subprocess.Popen")
    with pytest.raises(UsageError, match=r"names subprocess\.Popen"):
        separator(tmp_path).separate(noise(0.1, RATE, 2))


def test_a_network_whose_weights_do_not_fit_is_an_error(tmp_path: Path) -> None:
    path = save_pickle(tmp_path, "small", small_model(), checksum=False)
    package = {
        "klass": type(small_model()),
        "args": (),
        "kwargs": {"sources": SOURCES, "segment": Fraction(1)},
        "state": {},
    }
    torch.save(package, path)
    with pytest.raises(UsageError, match="small.th: not a network of Demucs"):
        open_network(path)


def test_a_model_without_vocals_is_an_error(tmp_path: Path) -> None:
    save_safetensors(tmp_path, "small", small_model(sources=["drums", "bass"]))
    with pytest.raises(UsageError, match="its stems are drums, bass, not vocals"):
        separator(tmp_path).separate(noise(0.1, RATE, 2))


@pytest.mark.parametrize(
    ("bag", "said"),
    [
        ("models: [../../small]", "is not the name of a Demucs model"),
        ("models: []", "not a bag of Demucs models"),
        ("models: [small]\nweights: [[1], [1]]", "its weights are not its models'"),
        ("- small", "not a bag of Demucs models"),
        ("models: [other]", "no file of the network other"),
        ("{", "not a bag of Demucs models"),
    ],
)
def test_a_bad_bag_is_found_before_any_work(tmp_path: Path, bag: str, said: str) -> None:
    (tmp_path / "bag.yaml").write_text(bag, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        separator(tmp_path, "bag").check()


def test_a_wrong_checksum_is_found_before_any_work(tmp_path: Path) -> None:
    path = save_pickle(tmp_path, "small", small_model())
    separator(tmp_path).check()
    path.rename(tmp_path / "small-00000000.th")
    with pytest.raises(UsageError, match="which its name denies"):
        separator(tmp_path).check()


def test_two_files_of_one_network_are_an_error(tmp_path: Path) -> None:
    save_pickle(tmp_path, "small", small_model())
    save_safetensors(tmp_path, "small", small_model())
    with pytest.raises(UsageError, match="more than one file of the network small"):
        separator(tmp_path).check()


def test_a_missing_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: no such folder"):
        separator(tmp_path / "nowhere").check()


def test_offline_is_said_at_once_and_clearly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    slow = list[object]()  # the hub's own download takes 23 s to give up
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *asked: slow.append(asked))
    with pytest.raises(UsageError, match=r"htdemucs\.yaml of adefossez/HTDemucs.*--backend embed"):
        find_demucs("htdemucs", None)
    assert not slow
