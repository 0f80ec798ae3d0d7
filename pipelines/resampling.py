"""One stream of audio frames at another sample rate, without drift.

Sample 0 of the result is where sample 0 of the input was, and the result has as many samples as the
input's length calls for, to the nearest. FFmpeg's resampler keeps the first promise; its last
sample it rounds up or down, and of a few milliseconds it may return nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray


class Resampler:
    """For frames of one format, layout and rate."""

    def __init__(self, layout: Any, to_hz: int) -> None:  # noqa: ANN401  (av's name or object)
        """Takes the layout of the frames, which is kept, and the sample rate of the result."""
        # Interleaved: to read eight planes of samples, PyAV reads past their end.
        self._resampler = av.AudioResampler("flt", layout, to_hz)
        self._to_hz = to_hz
        self._from_hz = self._taken = self._given = 0
        self.channels: list[str] = []  # names of the channels, once samples came

    def push(self, frame: av.AudioFrame) -> Iterator[NDArray[np.float32]]:
        """What can be told after one more frame, [channels, frames]."""
        self._from_hz = frame.sample_rate
        self._taken += frame.samples
        self.channels = [channel.name for channel in frame.layout.channels]
        frame.pts = None  # it shall not keep a clock of its own
        yield from self._counted(frame)

    def finish(self) -> Iterator[NDArray[np.float32]]:
        """The rest."""
        if not self._taken:
            return
        wanted = (2 * self._taken * self._to_hz + self._from_hz) // (2 * self._from_hz)
        for samples in self._counted(None):
            beyond = max(self._given - wanted, 0)
            yield samples[:, : max(samples.shape[1] - beyond, 0)]
        if self._given < wanted:
            yield np.zeros((len(self.channels), wanted - self._given), np.float32)

    def _counted(self, frame: av.AudioFrame | None) -> Iterator[NDArray[np.float32]]:
        for piece in self._resampler.resample(frame):
            samples = piece.to_ndarray().reshape(-1, len(self.channels)).T
            self._given += samples.shape[1]
            yield samples.astype(np.float32, copy=False)
