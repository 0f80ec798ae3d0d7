"""pyannote.audio itself, on a pipeline in a folder; and what is refused before it is opened."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from pipelines.backends.diarizer import make_diarizer
from pipelines.backends.media_settings import PyannoteSettings
from pipelines.backends.pyannote_diarizer import PyannoteDiarizer
from pipelines.backends.pyannote_files import check_checkpoint, find_pipeline
from pipelines.errors import UsageError
from pipelines.sound import load_sound
from tests.pipelines.media_files import TRUE_VOCALS
from tests.pipelines.pyannote_folder import make_pipeline
from tests.pipelines.speakers import RATE, error_rates, settings
from tests.pipelines.stages.drama import EPISODES, drama_turns

SECONDS = 12.0


def pyannote(pipeline: str) -> PyannoteDiarizer:
    own = PyannoteSettings(pipeline=pipeline, revision=None, link_distance=0.25)
    made = make_diarizer(settings(backend="pyannote", pyannote=own))
    assert isinstance(made, PyannoteDiarizer)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pipeline(tmp_path_factory.mktemp("pyannote") / "pipeline")


@pytest.fixture(scope="module")
def diarizer(folder: Path) -> PyannoteDiarizer:
    return pyannote(str(folder))


def test_the_library_finds_who_speaks_when(diarizer: PyannoteDiarizer) -> None:
    samples = load_sound(str(TRUE_VOCALS), RATE, 1)[0][: round(SECONDS * RATE)]
    with warnings.catch_warnings():
        # XVectorMFCC's own filter bank, when it is made; all else must be silent.
        warnings.filterwarnings("ignore", "At least one mel filterbank", UserWarning)
        warnings.filterwarnings("error", "torchcodec", UserWarning)
        found = diarizer.diarize(samples)
    assert os.environ["PYANNOTE_METRICS_ENABLED"] == "0"
    spoken = [turn for turn in drama_turns(EPISODES[0]) if turn.start + turn.duration < SECONDS]
    rates = error_rates(spoken, found.turns)
    assert rates["miss"] < 0.1  # its segmentation is the released one; its voices are not
    assert rates["false_alarm"] < 0.1
    assert found.voices.keys() == {turn.speaker for turn in found.turns}
    for voice in found.voices.values():
        assert voice.dtype == np.float32
        assert np.linalg.norm(voice) == pytest.approx(1, abs=1e-5)


def test_silence_and_nothing_have_no_turns(diarizer: PyannoteDiarizer) -> None:
    for length in (0, 100, 2 * RATE):
        found = diarizer.diarize(np.zeros(length, np.float32))
        assert (found.turns, dict(found.voices)) == ((), {})


def test_the_identity_is_every_file_of_the_pipeline(folder: Path, tmp_path: Path) -> None:
    one = pyannote(str(folder)).identity
    assert one["pyannote_audio"] == "4.0.7"
    hashes: Any = one["files_sha256"]
    assert sorted(hashes) == [
        "config.yaml",
        "embedding/pytorch_model.bin",
        "plda/plda.npz",
        "plda/xvec_transform.npz",
        "segmentation/pytorch_model.bin",
    ]
    other = make_pipeline(tmp_path / "other", segmentation_step=0.25)
    assert pyannote(str(other)).identity != one
    assert pyannote(str(folder)).name == "pyannote:pipeline"


def test_offline_without_weights_there_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match="cannot be had from the Hugging Face hub") as raised:
        pyannote("pyannote/speaker-diarization-community-1").check()
    assert "or use --backend embedded" in str(raised.value)
    with pytest.raises(UsageError, match=r"nowhere/at/all: no such folder"):
        pyannote("nowhere/at/all").check()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["pipeline"].update(name="os.system"), "its pipeline is 'os.system'"),
        (lambda c: c.update(preprocessors={"a": {"name": "os.system"}}), "preprocessors"),
        (lambda c: c["pipeline"]["params"].update(embedding="else/where"), "own folder"),
        (lambda c: c["pipeline"]["params"].update(embedding="$model/../x"), "own folder"),
        (lambda c: c["pipeline"]["params"].pop("plda"), r"params\.plda is None"),
        (lambda c: c["pipeline"]["params"].update(plda="$model/gone"), r"xvec_transform\.npz: not"),
        (lambda c: c.pop("pipeline"), "not the configuration of a pipeline"),
        (lambda c: c.update(more="x" * 70_000), "longer than 65536 bytes"),
    ],
)
def test_a_configuration_that_could_do_more_is_refused(
    folder: Path, tmp_path: Path, change: Callable[[Any], object], said: str
) -> None:
    content = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    change(content)
    for entry in folder.iterdir():
        if entry.is_dir():
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        find_pipeline(str(tmp_path), None)


class Touch:
    """What a hostile pickle would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["junk", "pickle", "hidden", "other"])
def test_a_checkpoint_that_could_do_more_is_refused(tmp_path: Path, kind: str) -> None:
    path, trace = tmp_path / "pytorch_model.bin", tmp_path / "was-run"
    network = {"architecture": {"module": "os", "class": "system"}}
    if kind == "junk":
        path.write_bytes(b"PK\x03\x04 but nothing more")
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Touch(trace), protocol=2))
    elif kind == "hidden":
        torch.save({"pyannote.audio": network, "more": Touch(trace)}, path)
    else:
        torch.save({"pyannote.audio": network}, path)
    with pytest.raises(UsageError, match=r"pytorch_model\.bin: (not a checkpoint|its network)"):
        check_checkpoint(path)
    assert not trace.exists()


@pytest.mark.filterwarnings("ignore:At least one mel filterbank")
def test_a_folder_that_the_library_cannot_open_is_a_clear_error(tmp_path: Path) -> None:
    made = make_pipeline(tmp_path / "pipeline", clustering="NoSuchClustering")
    with pytest.raises(UsageError, match=r"pyannote\.audio cannot open it: .*clustering"):
        pyannote(str(made)).diarize(np.zeros(RATE, np.float32))
