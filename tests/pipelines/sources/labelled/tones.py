"""Small voiced clips: a pitch a speaker and emotion, the same bytes every time."""

from __future__ import annotations

import io
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16000
_PITCH = {"neutral": 1.0, "happy": 1.3, "angry": 1.2, "sad": 0.8, "surprised": 1.5}


def tone(
    speaker: str, emotion: str = "neutral", sentence: int = 0, seconds: float | None = None
) -> NDArray[np.float32]:
    """A buzz with a contour: pitch by speaker and emotion, length by sentence (0.7 to 1.1 s).

    The same sentence has the same contour whoever says it.
    """
    seed = zlib.crc32(f"{speaker}/{emotion}/{sentence}".encode())
    generator = np.random.default_rng(seed)
    length = seconds if seconds is not None else 0.7 + 0.1 * (sentence % 5)
    times = np.arange(int(length * RATE)) / RATE
    base = 100 + zlib.crc32(speaker.encode()) % 130  # Hz
    factor = _PITCH.get(emotion, 1.0 + zlib.crc32(emotion.encode()) % 50 / 100)
    contour = base * factor * (1 + 0.15 * np.sin(2 * np.pi * (2 + sentence % 3) * times))
    phase = 2 * np.pi * np.cumsum(contour) / RATE
    buzz = sum(np.sin(number * phase) / number for number in range(1, 8))
    envelope = np.minimum(1, np.minimum(times, length - times) / 0.05)
    sound = 0.15 * envelope * (buzz + 0.05 * generator.standard_normal(len(times)))
    return np.asarray(sound, dtype=np.float32)


def write_wav(path: Path, samples: NDArray[np.float32], rate: int = RATE) -> None:
    """A 16-bit wav file; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16", format="WAV")


def wav_bytes(samples: NDArray[np.float32]) -> bytes:
    """The bytes of a 16-bit wav file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, subtype="PCM_16", format="WAV")
    return buffer.getvalue()


def write_mp4(path: Path, samples: NDArray[np.float32], picture: bool = False) -> None:
    """An mp4 (or m4a) with AAC sound, and black pictures where asked for; makes its folder."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        if picture:
            video = container.add_stream("mpeg4", rate=5)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            for _ in range(max(1, int(5 * len(samples) / RATE))):
                black = np.zeros((48, 64, 3), dtype=np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(black, format="rgb24")))
            container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
