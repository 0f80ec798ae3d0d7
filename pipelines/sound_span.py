"""A stretch of a long recording, read without reading the rest, and packed without loss.

For what this project wrote itself: separated vocals, FLAC or WAV. Frame of reference: sample 0 is
time 0 of the recording.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import soundfile
from numpy.typing import NDArray

from pipelines import files
from pipelines.errors import StageFailed
from pipelines.sound import SoundUnreadable
from pipelines.stages.microseconds import to_microseconds

# Samples keep the integers they have; of anything else 16 bits are what speech needs.
_INTEGERS = {"PCM_16": ("int16", "PCM_16"), "PCM_24": ("int32", "PCM_24")}
_OTHERWISE = ("float32", "PCM_16")


@dataclass(frozen=True)
class Span:
    """A stretch of sound."""

    samples: NDArray[Any]  # [frames, channels], int16, int32 or float32
    sample_rate_hz: int
    subtype: str  # how FLAC keeps these samples without loss: PCM_16 or PCM_24
    missing_s: float  # how much of what was asked for lies beyond the recording's end

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate_hz


def read_span(path: str, start: float, duration: float) -> Span:
    """The samples from ``start`` to ``start + duration``, or as far as the recording goes.

    Args:
        path: FLAC or WAV, also as a URL.
        start: seconds from the start of the recording; the nearest sample is taken.
        duration: seconds.

    Raises:
        SoundUnreadable: not audio, or it stops decoding before the end that it states.
        StageFailed: the file is gone.
        ValueError: a time is not a finite number of seconds from 0 on.
    """
    begins = to_microseconds(start)
    ends = begins + to_microseconds(duration)
    if begins < 0 or ends < begins:
        raise ValueError(f"not a stretch of a recording: {start!r} s, {duration!r} s long")
    if not files.exists(path):
        raise StageFailed(f"{path}: gone, though the records name it; run the stage that made it")
    try:
        with files.open_read(path) as stream, soundfile.SoundFile(stream) as sound:
            rate = int(sound.samplerate)
            kind, subtype = _INTEGERS.get(sound.subtype, _OTHERWISE)
            first, last = (round(time * rate / 1e6) for time in (begins, ends))
            there = min(last, sound.frames) - min(first, sound.frames)
            sound.seek(min(first, sound.frames))
            samples = sound.read(there, dtype=kind, always_2d=True)
    except soundfile.SoundFileError as error:
        raise SoundUnreadable(f"{path}: {str(error).split(': ')[-1]}") from error
    if len(samples) < there:
        raise SoundUnreadable(
            f"{path}: decodes to {first + len(samples)} samples and states {sound.frames}"
        )
    return Span(samples, rate, subtype, (last - first - there) / rate)


def encode_flac(span: Span) -> bytes:
    """The samples as FLAC, bit for bit; the same samples give the same bytes.

    >>> import numpy as np
    >>> silence = Span(np.zeros((16, 1), np.int16), 16000, "PCM_16", 0.0)
    >>> encode_flac(silence)[:4]
    b'fLaC'
    """
    stream = io.BytesIO()
    soundfile.write(stream, span.samples, span.sample_rate_hz, format="FLAC", subtype=span.subtype)
    return stream.getvalue()
