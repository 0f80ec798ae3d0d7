"""E-SIM and SV against scipy's cosine and by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import scipy.spatial.distance
from numpy.typing import NDArray

from trainer.metrics.similarity import THRESHOLD, emotion_similarity, speaker_verified

Vector = NDArray[np.float32]
Vectors = list[NDArray[np.float32] | None]


def _vector(numbers: Sequence[float]) -> Vector:
    return np.array(numbers, np.float32)


def _vectors(count: int, seed: int) -> list[NDArray[np.float32]]:
    return list(np.random.default_rng(seed).normal(0.3, 1.0, (count, 24)).astype(np.float32))


def test_similarity_is_the_mean_cosine() -> None:
    one, other = _vectors(50, 1), _vectors(50, 2)
    cosines = [
        1.0 - scipy.spatial.distance.cosine(a.astype(float), b.astype(float))
        for a, b in zip(one, other, strict=True)
    ]
    found = emotion_similarity(one, other)
    assert found.value == pytest.approx(np.mean(cosines), abs=1e-12)
    assert found.count == 50


def test_the_length_of_a_vector_does_not_matter() -> None:
    one = _vectors(5, 3)
    scaled = [1000 * vector for vector in one]
    assert emotion_similarity(one, scaled).value == pytest.approx(1.0, abs=1e-7)


def test_verified_is_the_share_from_the_threshold_on() -> None:
    reference = _vector([1, 0])
    angles = np.arccos([1.0, THRESHOLD + 0.01, THRESHOLD - 0.01, -1.0])
    spoken: Vectors = [_vector([np.cos(angle), np.sin(angle)]) for angle in angles]
    assert speaker_verified(spoken, [reference] * 4).value == 50.0
    assert speaker_verified(spoken, [reference] * 4, threshold=-1.0).value == 100.0
    # 3-4-5: the cosine is exactly 0.6, and the threshold belongs to the same voice.
    exact = _vector([3, 4])
    assert speaker_verified([exact], [reference], threshold=0.6).value == 100.0


def test_what_has_no_vector_or_no_direction_is_left_out_and_counted() -> None:
    there, nothing = _vector([1, 0]), _vector([0, 0])
    broken = _vector([np.nan, 0])
    found = speaker_verified([there, None, nothing, broken], [there] * 4)
    assert (found.value, found.count, found.left_out) == (100.0, 1, 3)
    assert emotion_similarity([nothing], [there]).value is None
