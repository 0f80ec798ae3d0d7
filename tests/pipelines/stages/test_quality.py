"""Ratings of sentences: of the right stretch, once, and none for what is too short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.backends.dnsmos import Dnsmos
from pipelines.errors import StageFailed
from pipelines.params import load_params
from pipelines.sound import load_sound
from pipelines.stages.quality import SUFFIX, SentenceQuality
from pipelines.store import Store
from tests.pipelines.media_files import TRUE_VOCALS
from tests.pipelines.stages.drama import sentence

SETTINGS = load_params("params.yaml").quality
LINES = [sentence(2.0, 4.93), sentence(5.48, 5.9), sentence(25.9, 28.0), sentence(20.46, 23.06)]


def test_each_sentence_is_rated_on_its_own_stretch(tmp_path: Path) -> None:
    quality = SentenceQuality(SETTINGS, Store(str(tmp_path)))
    scores, computed = quality.rate(str(TRUE_VOCALS), LINES)
    samples = load_sound(str(TRUE_VOCALS), 16_000, 1)[0]
    expected = [Dnsmos(SETTINGS).overall(samples[32_000:78_880]), None, None]
    assert computed
    assert scores[0] == pytest.approx(expected[0], abs=1e-3)
    assert scores[1:3] == [None, None]  # too short; begins 0.1 s before the recording ends
    assert scores[3] is not None
    again, computed = quality.rate(str(TRUE_VOCALS), LINES)
    assert (again, computed) == (scores, False)
    others, computed = quality.rate(str(TRUE_VOCALS), LINES[:1])
    assert (others, computed) == (scores[:1], True)  # another list of sentences


def test_vocals_at_another_rate_rate_alike(tmp_path: Path) -> None:
    samples = load_sound(str(TRUE_VOCALS), 24_000, 1)[0]
    path = tmp_path / "vocals.flac"
    soundfile.write(path, samples, 24_000, subtype="PCM_16")
    quality = SentenceQuality(SETTINGS, Store(str(tmp_path / "store")))
    (low,), _ = quality.rate(str(TRUE_VOCALS), LINES[:1])
    (high,), _ = quality.rate(str(path), LINES[:1])
    assert low is not None
    assert high == pytest.approx(low, abs=0.2)


@pytest.mark.parametrize("content", ["", "[1.0]", "[1.0, null, null, 2]", "{}", "[1,"])
def test_a_damaged_result_is_said_and_not_used(tmp_path: Path, content: str) -> None:
    quality = SentenceQuality(SETTINGS, Store(str(tmp_path)))
    path = Path(quality._store.path(quality.key(str(TRUE_VOCALS), LINES), SUFFIX))
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StageFailed, match=r"dnsmos\.json: not what this stage wrote there"):
        quality.rate(str(TRUE_VOCALS), LINES)


def test_silence_has_a_number(tmp_path: Path) -> None:
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(80_000), 16_000, subtype="PCM_16")
    quality = SentenceQuality(SETTINGS, Store(str(tmp_path / "store")))
    (score,), _ = quality.rate(str(path), [sentence(1.0, 4.0)])
    assert score is not None
    assert np.isfinite(score)
