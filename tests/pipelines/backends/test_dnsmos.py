"""DNSMOS: the same ratings as the package that carries the weights, and worse for worse sound."""

from __future__ import annotations

import importlib
import sys
import types
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.backends.dnsmos import SAMPLE_RATE_HZ, Dnsmos
from pipelines.errors import UsageError
from pipelines.params import load_params
from pipelines.sound import load_sound
from tests.pipelines.media_files import TRUE_VOCALS, noise

QUALITY = load_params("params.yaml").quality


@cache
def dnsmos() -> Dnsmos:
    return Dnsmos(QUALITY)


@cache
def speech() -> NDArray[np.float32]:
    samples: NDArray[np.float32] = load_sound(str(TRUE_VOCALS), SAMPLE_RATE_HZ, 1)[0]
    return samples


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    """The package's own function. It imports librosa for a second rating, which is not ours."""
    librosa = types.ModuleType("librosa")
    librosa.feature = types.SimpleNamespace(  # type: ignore[attr-defined]
        melspectrogram=lambda **_: np.ones((120, 900), np.float32)
    )
    librosa.power_to_db = lambda power, ref: power  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "librosa", librosa)
    requests = types.ModuleType("requests")
    requests.session = None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "requests", requests)
    monkeypatch.delitem(sys.modules, "speechmos.dnsmos", raising=False)
    yield importlib.import_module("speechmos.dnsmos")
    sys.modules.pop("speechmos.dnsmos", None)


@pytest.mark.parametrize(("start", "duration"), [(2.0, 2.3), (8.0, 3.4), (0.0, 9.2), (2.0, 12.5)])
def test_ratings_are_those_of_the_package(carrier: Any, start: float, duration: float) -> None:  # noqa: ANN401
    samples = speech()[round(start * SAMPLE_RATE_HZ) : round((start + duration) * SAMPLE_RATE_HZ)]
    theirs = carrier.run(samples, SAMPLE_RATE_HZ)["ovrl_mos"]
    assert dnsmos().overall(samples) == pytest.approx(theirs, abs=1e-5)


def test_noise_makes_it_worse() -> None:
    line = speech()[2 * SAMPLE_RATE_HZ : 5 * SAMPLE_RATE_HZ]
    ratings = [
        dnsmos().overall(line + level * noise(3.0, SAMPLE_RATE_HZ)[0]) for level in (0, 0.05, 0.4)
    ]
    assert ratings[0] > ratings[1] + 0.1
    assert ratings[1] > ratings[2] + 0.1
    assert all(0.9 < rating < 5.1 for rating in ratings)


def test_silence_and_one_sample_are_rated_and_nothing_is_not() -> None:
    assert np.isfinite(dnsmos().overall(np.zeros(SAMPLE_RATE_HZ, np.float32)))
    assert np.isfinite(dnsmos().overall(np.ones(9, np.float32)))
    with pytest.raises(ValueError, match="no samples"):
        dnsmos().overall(np.zeros(0, np.float32))


def test_what_is_missing_is_said_by_check() -> None:
    weights = QUALITY.weights.model_copy(update={"package": "no_such_package"})
    with pytest.raises(UsageError, match="no_such_package"):
        Dnsmos(QUALITY.model_copy(update={"weights": weights})).check()
