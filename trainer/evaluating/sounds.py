"""Sound as files: FLAC of 16 bits, one channel."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from manifests.storage import LocalFiles
from trainer.audio_models.protocol import SAMPLE_RATE_HZ, Samples
from trainer.errors import DataError
from trainer.speech.sound import SoundUndecodable, decode_sound


def write_flac(path: Path, samples: Samples, sample_rate: int) -> None:
    """Writes ``[T]`` samples, -1 to 1; what is louder is clipped."""
    stream = io.BytesIO()
    soundfile.write(stream, np.clip(samples, -1.0, 1.0), sample_rate, format="FLAC")
    with LocalFiles().atomic_write(str(path)) as out:
        out.write(stream.getvalue())


def read_sound(path: Path) -> Samples:
    """The file's samples ``[T]`` at 16 kHz, as judges listen.

    Raises:
        DataError: it is missing or no sound.
    """
    try:
        return decode_sound(path.read_bytes(), SAMPLE_RATE_HZ)
    except (OSError, SoundUndecodable) as error:
        raise DataError(f"{path}: {error}; remove it, and run this again") from error
