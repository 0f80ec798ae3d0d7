"""A media file to its vocals: as long as the sound, where the sound is, and bounded in memory."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipelines.backends.media_settings import SeparateSettings
from pipelines.params import load_params
from pipelines.sound import Samples, SoundUnreadable
from pipelines.stages.vocals import VocalsFacts, resample, write_vocals
from tests.pipelines.media_files import burst, centre, later, noise, write_media, write_wav


class Passing:
    """A separator that hears a voice in everything; says how much it got at a time."""

    name = "test:passing"
    identity: Mapping[str, object] = {"backend": "test"}
    sample_rate_hz = 44100
    num_channels = 2
    grid_frames = 1000

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self.sizes: list[int] = []

    def check(self) -> None:
        """There is nothing to miss."""

    def separate(self, mix: Samples) -> Samples:
        """The mix."""
        self.sizes.append(mix.shape[1])
        return mix


def settings(**changes: object) -> SeparateSettings:
    """The project's, with chunks of 2 s."""
    shipped = load_params("params.yaml").separate
    return shipped.model_copy(update={"chunk_s": 2.0, "overlap_s": 0.5} | changes)


def vocals(path: Path, **changes: object) -> tuple[VocalsFacts, Samples]:
    """What is written, read again: [1, frames]."""
    out = io.BytesIO()
    facts = write_vocals(str(path), Passing(), settings(**changes), out, lambda seconds: None)
    out.seek(0)
    with soundfile.SoundFile(out) as flac:
        assert (flac.format, flac.subtype, flac.channels) == ("FLAC", "PCM_16", 1)
        assert (flac.frames, flac.samplerate) == (facts.frames, facts.sample_rate_hz)
        samples: Samples = flac.read(dtype="float32", always_2d=True).T
    return facts, samples


@pytest.mark.parametrize("seconds", [0.001, 1.0, 2.0, 2.0001, 3.5, 7.77])
@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_vocals_are_as_long_as_the_sound(tmp_path: Path, seconds: float, rate: int) -> None:
    path = write_wav(tmp_path / "a.wav", noise(seconds, rate), rate)
    facts, samples = vocals(path)
    assert facts.frames == samples.shape[1]
    assert facts.seconds == pytest.approx(round(seconds * rate) / rate, abs=1.01 / 24000)


@pytest.mark.parametrize("at", [0.2, 1.75, 3.0, 5.9])
def test_a_burst_is_where_it_was(tmp_path: Path, at: float) -> None:
    path = write_wav(tmp_path / "a.wav", burst(6.1, 44100, at, 2), 44100)
    facts, samples = vocals(path)
    assert centre(samples, facts.sample_rate_hz) == pytest.approx(at, abs=2e-5)


def test_no_chunk_is_longer_than_was_asked_for(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(11.0, 44100, 2), 44100)
    separator, seen = Passing(), list[float]()
    write_vocals(str(path), separator, settings(), io.BytesIO(), seen.append)
    assert max(separator.sizes) <= 2.0 * 44100 + separator.grid_frames
    assert len(separator.sizes) == len(seen) == 8  # 1.5 s (to the grid) further each, 2 s long
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(11.0)


def test_channels_are_averaged_and_loud_samples_clipped(tmp_path: Path) -> None:
    left, right = np.full((1, 44100), 0.5, np.float32), np.full((1, 44100), 0.25, np.float32)
    path = write_wav(tmp_path / "a.wav", np.concatenate([left, right]), 44100)
    _, samples = vocals(path)
    assert samples[0, 12000] == pytest.approx(0.375, abs=2**-15)
    path = write_wav(tmp_path / "loud.wav", np.concatenate([left, left]) * 3, 44100)
    _, samples = vocals(path)
    assert samples.max() == 32767 / 32768


def test_a_hole_is_silence_and_is_told(tmp_path: Path) -> None:
    samples = noise(4.096, 8000, 2)
    path = write_media(tmp_path / "a.mkv", samples, 8000, change=later(1.5, after=2.048))
    facts, heard = vocals(path)
    (hole,) = facts.holes
    assert (hole.start, hole.duration) == pytest.approx((2.048, 1.5), abs=1 / 44100)
    assert facts.seconds == pytest.approx(4.096 + 1.5, abs=1e-4)
    assert not heard[0, round(2.1 * 24000) : round(3.5 * 24000)].any()


def test_no_sound_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(0.0, 44100), 44100)
    with pytest.raises(SoundUnreadable, match=r"a\.wav"):
        vocals(path)


@given(
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=6),
    rates=st.tuples(st.sampled_from([8000, 44100, 48000]), st.sampled_from([16000, 24000, 44100])),
)
def test_resampling_in_pieces_is_resampling_the_whole(
    sizes: list[int], rates: tuple[int, int]
) -> None:
    whole = noise(sum(sizes) / rates[0], rates[0])
    pieces = np.split(whole, np.cumsum(sizes)[:-1], axis=1)
    expected = np.concatenate(list(resample([whole], *rates)), axis=1)
    got = np.concatenate(list(resample(pieces, *rates)), axis=1)
    assert got.shape == (1, int(whole.shape[1] * rates[1] / rates[0] + 0.5))
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_resampling_nothing_gives_nothing() -> None:
    assert list(resample([], 44100, 24000)) == []
