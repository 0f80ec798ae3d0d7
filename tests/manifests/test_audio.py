from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from manifests.audio import AudioUndecodable, measure
from tests.manifests.corpus import RATE_HZ, tone


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "ogg"])
def test_the_length_is_the_decoders(extension: str) -> None:
    audio = tone(1.234, extension=extension)
    length = measure(audio)
    assert length.num_samples == len(soundfile.read(io.BytesIO(audio))[0])
    assert (length.sample_rate_hz, length.num_channels) == (RATE_HZ, 1)
    assert length.duration == length.num_samples / RATE_HZ


def test_headers_may_say_more_than_there_is() -> None:
    # Frames without the header that tells the padding, as Emilia and the game have them.
    audio = tone(3.0, extension="mp3")
    bare = audio[audio.index(b"\xff", 200) :]
    assert measure(bare).num_samples == len(soundfile.read(io.BytesIO(bare))[0])


def test_stereo_counts_samples_a_channel() -> None:
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros((800, 2)), 8000, format="WAV")
    length = measure(stream.getvalue())
    assert (length.num_samples, length.num_channels, length.duration) == (800, 2, 0.1)


def test_longer_than_a_block() -> None:
    assert measure(tone(20.0)).num_samples == 20 * RATE_HZ


@pytest.mark.parametrize("bad", [b"", b"no audio", tone(1)[:20], tone(0)])
def test_what_does_not_decode_is_an_error(bad: bytes) -> None:
    with pytest.raises(AudioUndecodable):
        measure(bad)
