"""Voice activity: where somebody speaks, by Silero VAD (its ``sequence`` model, 16 kHz).

The model hears frames of 32 ms, each with the last 4 ms of the frame before it, and carries a state
from frame to frame. Speech begins at a probability of ``threshold`` and lasts until the probability
stays 0.15 below it for ``min_silence_s``: Silero's own rule and margin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipelines.backends.onnx_model import load_onnx
from pipelines.backends.weights import find_weights
from pipelines.backends.windows import Span

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from acoustics.weights import WeightsSettings

SAMPLE_RATE_HZ = 16_000
FRAME = 512  # samples: 32 ms
_CONTEXT = 64  # samples of the frame before
_STATE = 128
_FRAMES_A_CALL = 512
_MARGIN = 0.15  # between the probability that begins speech and the one that ends it


class SileroVad:
    """Loads its weights with the first sound."""

    def __init__(self, weights: WeightsSettings) -> None:
        """Takes where the weights are."""
        self._weights = weights
        self._session: InferenceSession | None = None

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """How likely there is speech in each frame of 512 samples, the last one filled up.

        Args:
            samples: at 16 kHz, -1 to 1, one channel.

        Raises:
            UsageError: the weights cannot be found, or are another model's.
        """
        if self._session is None:
            self._session = load_onnx(find_weights(self._weights), ["input", "h", "c"])
        hidden = cell = np.zeros((1, 1, _STATE), np.float32)
        found = [np.zeros(0, np.float32)]
        for frames in _frames(samples):
            given = {"input": frames, "h": hidden, "c": cell}
            speech, hidden, cell = self._session.run(["speech_probs", "hn", "cn"], given)
            found.append(speech.reshape(-1))
        return np.concatenate(found)


def speech_regions(
    probabilities: Sequence[float] | NDArray[np.float32],
    *,
    threshold: float,
    min_speech_s: float,
    min_silence_s: float,
) -> list[Span]:
    """The stretches of speech, in samples at 16 kHz, in order and apart from each other.

    Args:
        probabilities: one a frame of 512 samples.
        threshold: speech begins at this probability (`>=`).
        min_speech_s: stretches shorter than this are left out.
        min_silence_s: a silence shorter than this does not end a stretch.

    >>> speech_regions([0, 1, 1, 0, 1, 0, 0, 0, 0, 0], threshold=0.5, min_speech_s=0.1,
    ...                min_silence_s=0.1)
    [(512, 2560)]
    """
    regions: list[Span] = []
    begin: int | None = None  # of the stretch at hand, in frames
    end: int | None = None  # of its speech, where a silence may have begun
    for frame, probability in enumerate(probabilities):
        if probability >= threshold:
            begin, end = (frame if begin is None else begin), None
        elif begin is not None and probability < threshold - _MARGIN:
            end = frame if end is None else end
            if (frame + 1 - end) * FRAME >= min_silence_s * SAMPLE_RATE_HZ:
                regions.append((begin * FRAME, end * FRAME))
                begin = end = None
    if begin is not None:
        regions.append((begin * FRAME, (len(probabilities) if end is None else end) * FRAME))
    return [(a, b) for a, b in regions if b - a >= min_speech_s * SAMPLE_RATE_HZ]


def _frames(samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Blocks [frames, 64 + 512]; none of nothing."""
    count = -(-len(samples) // FRAME)
    if not count:
        return
    padded = np.zeros(_CONTEXT + count * FRAME, np.float32)
    padded[_CONTEXT : _CONTEXT + len(samples)] = samples
    every = np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + FRAME)[::FRAME]
    for first in range(0, count, _FRAMES_A_CALL):
        yield np.ascontiguousarray(every[first : first + _FRAMES_A_CALL])
