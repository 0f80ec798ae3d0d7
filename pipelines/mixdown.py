"""From any number of channels to one or two, without getting louder.

FFmpeg's own mix keeps the loudness of a film in a cinema: two equal channels become one that is
1.4 times as loud as either, eight become one of 3.5. Samples beyond 1 are clipped by whatever
writes them, so here every mix is an average: its weights add up to 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SHARED = 0.5**0.5  # of a channel that is heard from both sides, or from behind (ITU-R BS.775)


def mix_down(
    samples: NDArray[np.float32], channels: Sequence[str], num_channels: int
) -> NDArray[np.float32]:
    """Samples [channels, frames] as mono or stereo; mono is the mean of the stereo mix.

    Args:
        samples: one row a channel.
        channels: their names as FFmpeg has them: FL, FR, FC, LFE, BL, ...
        num_channels: 1 or 2.

    >>> mix_down(np.array([[0.5], [0.25]], np.float32), ["FL", "FR"], 1).tolist()
    [[0.375]]
    >>> mix_down(np.array([[0.5]], np.float32), ["FC"], 2).tolist()
    [[0.5], [0.5]]
    """
    if len(samples) == num_channels:
        return samples
    if len(samples) == 1:
        return np.repeat(samples, num_channels, axis=0)
    weights = np.eye(2) if len(samples) == 2 else _stereo_weights(channels)
    if num_channels == 1:
        weights = weights.mean(axis=0, keepdims=True)
    mixed: NDArray[np.float32] = weights.astype(np.float32) @ samples
    return mixed


def _stereo_weights(channels: Sequence[str]) -> NDArray[np.float64]:
    """[2, channels]: what is left goes left, what is in the middle to both; no bass channel."""
    weights = np.zeros((2, len(channels)))
    for column, name in enumerate(channels):
        if name in ("FL", "FR"):
            weights[int(name == "FR"), column] = 1.0
        elif name.startswith("LFE"):
            continue
        elif name.endswith("L"):
            weights[0, column] = _SHARED
        elif name.endswith("R"):
            weights[1, column] = _SHARED
        else:
            weights[:, column] = _SHARED
    totals = weights.sum(axis=1, keepdims=True)
    if (totals == 0).any():  # a layout with only one side
        return np.full((2, len(channels)), 1.0 / len(channels))
    scaled: NDArray[np.float64] = weights / totals
    return scaled
