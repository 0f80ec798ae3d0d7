"""DNSMOS P.835: how good speech sounds, as people would rate it, 1 to 5.

The recipe is the published one (Reddy et al., "DNSMOS P.835: A non-intrusive perceptual objective
speech quality metric to evaluate noise suppressors", ICASSP 2022): the network hears 9.01 s at
16 kHz; shorter speech is doubled until it is long enough; longer speech is heard every second, and
the ratings' mean is taken. A polynomial takes the network's output to the scale of the listeners.
Only the overall rating (OVRL) is used here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipelines.backends.media_settings import QualitySettings
from pipelines.backends.onnx_model import load_onnx
from pipelines.backends.weights import find_weights, weights_sha256

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SAMPLE_RATE_HZ = 16_000
_WINDOW_S = 9.01
_WINDOW = int(_WINDOW_S * SAMPLE_RATE_HZ)
_OVERALL = 2  # the third output; the first two rate the speech alone, and the background
_TO_LISTENERS = (-0.06766283, 1.11546468, 0.04602535)  # highest power first
_VERSION = 1  # raise it when the same sound gets another rating than before


class Dnsmos:
    """Loads its weights with the first sound."""

    def __init__(self, settings: QualitySettings) -> None:
        """Takes where the weights are."""
        self._weights = settings.weights
        self._session: InferenceSession | None = None

    @property
    def identity(self) -> Mapping[str, object]:
        """What the ratings depend on.

        Raises:
            UsageError: a weight file of one's own is set, and is not there.
        """
        return {
            "quality": "dnsmos_p835_ovrl",
            "weights_sha256": weights_sha256(self._weights),
            "version": _VERSION,
        }

    def check(self) -> None:
        """Finds the weights.

        Raises:
            UsageError: they are nowhere, or not what was pinned.
        """
        find_weights(self._weights)

    def overall(self, samples: NDArray[np.float32]) -> float:
        """The overall rating, 1 to 5 (a little beyond at the ends).

        Args:
            samples: of speech at 16 kHz, one channel, -1 to 1; at least one.

        Raises:
            UsageError: the weights cannot be found.
            ValueError: there are no samples.
        """
        if not len(samples):
            raise ValueError("no samples to rate")
        if self._session is None:
            self._session = load_onnx(find_weights(self._weights), ["input_1"])
        speech = np.clip(samples, -1, 1).astype(np.float32)
        while len(speech) < _WINDOW:
            speech = np.concatenate([speech, speech])
        windows = int(len(speech) // SAMPLE_RATE_HZ - _WINDOW_S) + 1
        raw = []
        for at in range(0, windows * SAMPLE_RATE_HZ, SAMPLE_RATE_HZ):
            (ratings,) = self._session.run(None, {"input_1": speech[None, at : at + _WINDOW]})
            raw.append(float(ratings[0, _OVERALL]))
        return float(np.mean(np.polyval(_TO_LISTENERS, raw)))
