"""Styles of last turns: heard once, in the right place, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from pipelines.backends.style import SAMPLE_RATE_HZ
from pipelines.errors import StageFailed
from pipelines.stages.rl_subset import RlReason, RlSettings, select_rl_scenes
from pipelines.stages.turn_styles import TurnStyles
from pipelines.store import Store
from schemas import EpisodeScene
from tests.pipelines.scene_corpus import line, scene_of

RATE_HZ = 24000


class PitchModel:
    """Stands for the model, which needs weights that are not at hand: names the loudest tone."""

    name = "pitch"

    def __init__(self, version: int = 1) -> None:
        self.identity: Mapping[str, object] = {"backend": "pitch", "version": version}
        self.heard: list[int] = []

    def label(self, speech: NDArray[np.float32], /) -> str:
        self.heard.append(len(speech))
        spectrum = np.abs(np.fft.rfft(speech))
        pitch = int(np.argmax(spectrum)) * SAMPLE_RATE_HZ / len(speech)
        return "neutral" if pitch < 300 else "happy"


def tones(path: Path) -> str:
    """A second of 200 Hz, a second of 600 Hz, stereo."""
    time = np.arange(RATE_HZ) / RATE_HZ
    wave = np.concatenate([0.4 * np.sin(2 * np.pi * pitch * time) for pitch in (200, 600)])
    soundfile.write(path, np.stack([wave, wave], axis=1), RATE_HZ, subtype="PCM_16")
    return str(path)


def scenes(tmp_path: Path) -> list[EpisodeScene]:
    """Two scenes that end in the low and in the high tone."""
    uri = tones(tmp_path / "vocals.flac")
    return [
        scene_of("R", n, [line(0, 0.0, 0.1), line(1, at, at + 0.5)], vocals_uri=uri)
        for n, at in enumerate((0.3, 1.3))
    ]


def test_the_last_turn_is_heard_where_it_is_and_once(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    model = PitchModel()
    styles = TurnStyles(model, store)
    assert styles(scenes(tmp_path)) == ["neutral", "happy"]
    assert model.heard == [SAMPLE_RATE_HZ // 2] * 2
    assert styles.run == {"computed": 2}
    again = TurnStyles(PitchModel(), store)
    assert again(scenes(tmp_path)) == ["neutral", "happy"]
    assert again.run == {"stored": 2}
    other = TurnStyles(PitchModel(version=2), store)
    assert other(scenes(tmp_path)) == ["neutral", "happy"] and other.run == {"computed": 2}


def test_what_cannot_be_heard_has_no_style(tmp_path: Path) -> None:
    low, high = scenes(tmp_path)
    beyond = replace(high, sentences=(line(0, 0.0, 0.1), line(1, 1.95, 3.0)))
    (tmp_path / "bad.flac").write_bytes(b"no sound")
    bad = replace(low, vocals_uri=str(tmp_path / "bad.flac"))
    styles = TurnStyles(PitchModel(), Store(str(tmp_path / "store")))
    assert styles([beyond, bad]) == [None, None]
    with pytest.raises(StageFailed, match="gone, the vocals of R; run python -m pipelines.separa"):
        styles([replace(low, vocals_uri=str(tmp_path / "gone.flac"))])


def test_a_damaged_label_is_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    chosen = scenes(tmp_path)[:1]
    TurnStyles(PitchModel(), store)(chosen)
    (path,) = Path(store.folder).rglob("*.json")
    path.write_text("[]")
    with pytest.raises(StageFailed, match="not a stored label"):
        TurnStyles(PitchModel(), store)(chosen)


def test_the_subset_goes_by_them(tmp_path: Path) -> None:
    low, high = scenes(tmp_path)
    quiet = replace(high, id="quiet", sentences=(line(0, 0.0, 0.1), line(1, 1.99, 3.0)))
    styles = TurnStyles(PitchModel(), Store(str(tmp_path / "store")))
    found = select_rl_scenes([low, high, quiet], styles, RlSettings())
    assert found.kept == [high]
    assert [one.reason for one in found.rejected] == [
        RlReason.STYLE_NEUTRAL,
        RlReason.STYLE_UNHEARD,
    ]
    assert found.styles == {low.id: "neutral", high.id: "happy"}
