"""The clips as raters hear them: one channel, 16 bit, without the tags of whoever made the file."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from trainer.errors import UsageError

DROWNED_SNR_DB = -20.0  # speech under noise a hundred times as strong: nothing can be understood
QUIETEST_RMS = 0.02  # of a drowned clip, so that it can be heard even where the clip is silent


class Sounds:
    """Reads clips from one folder and gives them as WAV, at the rate that they had.

    WAV plays and seeks in every browser; Chromium fails to seek in short FLAC files, and what is
    lossy is not what was to be rated.

    What a file says about its maker (tags, name, container) does not get onto a page. Loudness is
    left as it is: the papers say nothing of it, and it is part of what a system does.
    """

    def __init__(self, folder: Path, max_seconds: float) -> None:
        """Takes no file from outside of the folder, and no clip over `max_seconds`."""
        self._folder, self._max_seconds = folder.resolve(), max_seconds
        self.wav = cache(self._wav)

    def _wav(self, audio: str, drowned: bool = False) -> bytes:
        """The clip as WAV.

        Args:
            audio: path of the clip, from the folder.
            drowned: under noise, the same noise for the same clip.

        Raises:
            UsageError: it is not in the folder, does not decode, is empty or too long.
        """
        samples, rate = self._read(audio)
        if drowned:
            samples = drown(samples)
        stream = io.BytesIO()
        soundfile.write(stream, np.clip(samples, -1, 1), rate, format="WAV", subtype="PCM_16")
        return stream.getvalue()

    def _read(self, audio: str) -> tuple[NDArray[np.float32], int]:
        path = (self._folder / audio).resolve()
        if not path.is_relative_to(self._folder):
            raise UsageError(f"{audio}: not in {self._folder}, the folder of audio (--audio)")
        try:
            with soundfile.SoundFile(io.BytesIO(path.read_bytes())) as stream:
                rate = int(stream.samplerate)
                most = int(self._max_seconds * rate)
                samples = stream.read(most + 1, dtype="float32", always_2d=True).mean(axis=1)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
        except soundfile.SoundFileError as error:
            found = str(error).split(": ")[-1]
            raise UsageError(f"{path}: not audio that can be played: {found}") from error
        if not len(samples) or not np.isfinite(samples).all():
            raise UsageError(f"{path}: has no samples, or some that are no numbers")
        if len(samples) > most:
            raise UsageError(
                f"{path}: over {self._max_seconds:g} s; raise max_seconds if that is meant"
            )
        return samples, rate


def drown(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same length and loudness, but nothing of the speech can be understood.

    >>> clip = np.sin(np.arange(16000, dtype=np.float32)) / 10
    >>> noise = drown(clip)
    >>> len(noise), bool(abs(np.corrcoef(clip, noise)[0, 1]) < 0.2)
    (16000, True)
    """
    rms = max(float(np.sqrt(np.mean(np.square(samples)))), QUIETEST_RMS)
    noise = np.random.default_rng(len(samples)).standard_normal(len(samples)) * rms
    mixed = noise + samples * 10 ** (DROWNED_SNR_DB / 20)
    return np.asarray(mixed, dtype=np.float32)
