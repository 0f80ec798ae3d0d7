"""Encoded audio -> samples as a speech tokenizer takes them."""

from __future__ import annotations

import io
from math import gcd

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly


class SoundUndecodable(ValueError):
    """The bytes are not audio that libsndfile reads."""


def decode_sound(audio: bytes, sample_rate: int) -> NDArray[np.float32]:
    """All samples, channels mixed down, at the rate asked for.

    Args:
        audio: an encoded file: mp3, wav, flac, ogg.
        sample_rate: Hz of the result.

    Returns:
        ``[T]``, -1 to 1; sample 0 is time 0.

    Raises:
        SoundUndecodable: it does not decode, or has no samples.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(audio)) as stream:
            samples = stream.read(dtype="float32", always_2d=True).mean(axis=1)
            rate = int(stream.samplerate)
    except soundfile.SoundFileError as error:
        raise SoundUndecodable(f"does not decode: {str(error).split(': ')[-1]}") from error
    if not len(samples):
        raise SoundUndecodable("decodes to nothing")
    return resample(samples, rate, sample_rate)


def resample(samples: NDArray[np.float32], rate: int, new_rate: int) -> NDArray[np.float32]:
    """The same sound at another rate, by a polyphase filter.

    >>> len(resample(np.zeros(11025, dtype=np.float32), 11025, 16000))
    16000
    """
    if rate == new_rate:
        return samples
    common = gcd(rate, new_rate)
    found = resample_poly(samples, new_rate // common, rate // common)
    return np.asarray(found, dtype=np.float32)


def cut_sound(
    samples: NDArray[np.float32], sample_rate: int, start: float, duration: float
) -> torch.Tensor:
    """The samples from `start` for `duration`, both in seconds, as far as there are any.

    >>> cut_sound(np.arange(10, dtype=np.float32), 10, 0.2, 0.3)
    tensor([2., 3., 4.])
    """
    first = round(start * sample_rate)
    return torch.from_numpy(samples[first : first + round(duration * sample_rate)].copy())
