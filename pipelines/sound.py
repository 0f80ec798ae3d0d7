"""The sound of a media file as a stream of samples, in bounded memory.

Frame of reference: sample 0 is time 0 of the file's own clock. A sound track that begins later is
padded with silence, one that begins earlier (the priming of an encoder) is cut, so that a time of
the transcript is a place in the samples.
"""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from pipelines.errors import PipelineError

Samples = NDArray[np.float32]  # [channels, frames], -1 to 1


class SoundUnreadable(PipelineError):
    """A file without sound, or with sound that does not decode."""


def stream_sound(
    path: str, sample_rate_hz: int, num_channels: int, block_s: float = 10.0
) -> Iterator[Samples]:
    """The sound in blocks of ``block_s`` seconds, the last one shorter.

    Args:
        path: a local file: video or audio of any kind that FFmpeg reads.
        sample_rate_hz: of the result; resampled where the file has another.
        num_channels: 1 or 2; mixed down or doubled where the file has other channels.
        block_s: seconds a block, at most.

    Raises:
        SoundUnreadable: there is no such file, no sound in it, or it stops decoding.
    """
    block = max(round(block_s * sample_rate_hz), 1)
    waiting: list[Samples] = []
    held = 0
    for piece in _pieces(path, sample_rate_hz, num_channels):
        waiting.append(piece)
        held += piece.shape[1]
        if held >= block:
            joined = np.concatenate(waiting, axis=1)
            whole = held // block * block
            for at in range(0, whole, block):
                yield joined[:, at : at + block]
            waiting, held = [joined[:, whole:]], held - whole
    if held:
        yield np.concatenate(waiting, axis=1)


def load_sound(path: str, sample_rate_hz: int, num_channels: int) -> Samples:
    """All of it at once: four bytes a sample, 230 MB an hour of mono at 16 kHz.

    Raises:
        SoundUnreadable: as :func:`stream_sound`.
    """
    return np.concatenate(list(stream_sound(path, sample_rate_hz, num_channels)), axis=1)


def _pieces(path: str, sample_rate_hz: int, num_channels: int) -> Iterator[Samples]:
    found = False
    try:
        with av.open(path) as container:
            if not container.streams.audio:
                raise SoundUnreadable(f"{path}: no sound track")
            track = container.streams.audio[0]
            resampler = av.AudioResampler(
                format="fltp", layout="stereo" if num_channels == 2 else "mono", rate=sample_rate_hz
            )
            skip = 0  # samples before time 0
            for frame in container.decode(track):
                if not found:
                    start = frame.time or 0.0
                    if start > 0:
                        yield np.zeros((num_channels, round(start * sample_rate_hz)), np.float32)
                    skip = round(max(-start, 0.0) * sample_rate_hz)
                    found = True
                frame.pts = None  # holes in the clock of the file are not ours to mend
                for piece in resampler.resample(frame):
                    yield from _after(piece.to_ndarray().astype(np.float32, copy=False), skip)
                    skip = max(skip - piece.samples, 0)
            for piece in resampler.resample(None) if found else []:
                yield from _after(piece.to_ndarray().astype(np.float32, copy=False), skip)
    except (av.FFmpegError, OSError) as error:
        raise SoundUnreadable(f"{path}: {error}") from error
    if not found:
        raise SoundUnreadable(f"{path}: the sound track is empty")


def _after(samples: Samples, skip: int) -> Iterator[Samples]:
    if samples.shape[1] > skip:
        yield samples[:, skip:]
