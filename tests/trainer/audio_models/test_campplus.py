"""CAM++ tells real voices apart, whatever else it is asked about."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.trainer.listening import campplus, game_lines
from trainer.audio_models.campplus import CamPlusPlusEncoder
from trainer.audio_models.settings import CAMPPLUS, SpeakerSettings
from trainer.errors import UsageError

LINES = game_lines(("FAYE", "SPARKY", "DEATH", "LOU"), 25, 4)


def test_one_voice_is_nearer_to_itself_than_to_others() -> None:
    vectors = campplus().embed([line.speech for line in LINES])
    same: list[float] = []
    other: list[float] = []
    for (i, a), (j, b) in itertools.combinations(enumerate(LINES), 2):
        (same if a.speaker == b.speaker else other).append(float(vectors[i] @ vectors[j]))
    assert np.mean(same) > np.mean(other) + 0.2
    # Whoever is nearest to a line is mostly whoever spoke it; by chance, one time in five.
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    nearest = cosines.argmax(-1)
    right = [LINES[i].speaker == LINES[j].speaker for i, j in enumerate(nearest)]
    assert np.mean(right) >= 0.75


def test_a_vector_does_not_depend_on_the_batch() -> None:
    speech = [line.speech[:16_000] for line in LINES[:3]] + [LINES[3].speech]
    together = campplus().embed(speech)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    for index, samples in enumerate(speech):
        alone = campplus().embed([samples])[0]
        np.testing.assert_allclose(together[index], alone, atol=1e-5)


@pytest.mark.parametrize("samples", [0, 1, 399])
def test_speech_shorter_than_a_frame_has_a_vector_too(samples: int) -> None:
    (vector,) = campplus().embed([np.zeros(samples, np.float32)])
    assert np.isfinite(vector).all()


def test_missing_weights_are_an_error_that_names_the_package() -> None:
    weights = CAMPPLUS.model_copy(update={"package": "not_installed_at_all"})
    with pytest.raises(UsageError, match=r"speaker model: .*not_installed_at_all"):
        CamPlusPlusEncoder(SpeakerSettings(weights=weights)).load()
