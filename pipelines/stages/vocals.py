"""One recording's sound -> its vocals: mono, FLAC of 16 bits, as long as the sound.

Frame of reference: sample 0 is time 0 of the media file, as in :mod:`pipelines.sound`. The
recording streams through: memory is that of one chunk, whatever the recording's length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
import soundfile

from pipelines.backends.media_settings import SeparateSettings
from pipelines.backends.separator import Separator
from pipelines.resampling import Resampler
from pipelines.sound import Hole, Samples, SoundUnreadable, stream_sound
from pipelines.stages.chunking import Chunk, cut_chunks, join_chunks, plan_chunks

# Part of every result's key: raise it when the same settings give other samples than before.
VERSION = 1
_LOUDEST = 32767


@dataclass(frozen=True, slots=True)
class VocalsFacts:
    """What is known about a recording's vocals."""

    frames: int
    sample_rate_hz: int
    holes: tuple[Hole, ...]  # of the media file: silence in the vocals

    @property
    def seconds(self) -> float:
        """How long they are."""
        return self.frames / self.sample_rate_hz


def write_vocals(
    path: str,
    separator: Separator,
    settings: SeparateSettings,
    out: BinaryIO,
    on_progress: Callable[[float], None],
) -> VocalsFacts:
    """Separates a media file's sound and writes the vocals.

    Args:
        path: of the media file.
        separator: what hears the voices.
        settings: chunks, overlap, and the sample rate of the result.
        out: a binary stream that can seek; gets a FLAC file.
        on_progress: called with the seconds that are done, chunk by chunk.

    Raises:
        SoundUnreadable: the file has no sound, or it does not decode.
        UsageError: the model cannot be loaded.
    """
    rate, channels = separator.sample_rate_hz, separator.num_channels
    chunking = plan_chunks(rate, separator.grid_frames, settings.chunk_s, settings.overlap_s)
    holes: list[Hole] = []
    blocks = stream_sound(path, rate, channels, holes=holes)
    separated = (
        Chunk(separator.separate(chunk.samples), chunk.last)
        for chunk in cut_chunks(blocks, chunking)
    )
    frames_in = frames_out = 0

    def mono() -> Iterator[Samples]:
        nonlocal frames_in
        for piece in join_chunks(separated, chunking.overlap):
            frames_in += piece.shape[1]
            yield piece.mean(axis=0, keepdims=True)
            on_progress(frames_in / rate)

    target = settings.sample_rate_hz
    with soundfile.SoundFile(
        out, "w", samplerate=target, channels=1, format="FLAC", subtype="PCM_16"
    ) as flac:
        for piece in resample(mono(), rate, target):
            flac.write(_integers(piece[0]))
            frames_out += piece.shape[1]
    if frames_out == 0:
        raise SoundUnreadable(f"{path}: the sound track is empty")
    return VocalsFacts(frames_out, target, tuple(holes))


def resample(pieces: Iterable[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    """A mono stream at another rate, its start where it was and its length to the nearest sample.

    Args:
        pieces: [1, frames] each.
        from_hz: their sample rate.
        to_hz: the result's.
    """
    resampler = Resampler("mono", to_hz)
    for piece in pieces:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), "flt", "mono")
        frame.sample_rate = from_hz
        yield from resampler.push(frame)
    yield from resampler.finish()


def _integers(samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    scaled = np.rint(samples * (_LOUDEST + 1))
    return np.clip(scaled, -_LOUDEST - 1, _LOUDEST).astype(np.int16)
