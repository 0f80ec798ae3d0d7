"""A stretch of a recording: the very samples, and nothing but."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import StageFailed
from pipelines.sound import SoundUnreadable
from pipelines.sound_span import encode_flac, read_span

RATE_HZ = 24000
NOISE = np.random.default_rng(0).integers(-20000, 20000, 5 * RATE_HZ, dtype=np.int16)


@pytest.fixture(scope="module")
def flac(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("sound") / "noise.flac"
    soundfile.write(path, NOISE, RATE_HZ, subtype="PCM_16")
    return str(path)


@given(st.integers(0, 6_000_000), st.integers(0, 6_000_000))
def test_the_very_samples(flac: str, start: int, duration: int) -> None:
    span = read_span(flac, start / 1e6, duration / 1e6)
    first, last = (round(time * RATE_HZ / 1e6) for time in (start, start + duration))
    np.testing.assert_array_equal(span.samples[:, 0], NOISE[first:last])
    assert span.missing_s == pytest.approx(max(last - max(first, len(NOISE)), 0) / RATE_HZ)
    assert span.duration + span.missing_s == pytest.approx((last - first) / RATE_HZ)


@pytest.mark.parametrize(
    ("subtype", "container", "packed"),
    [
        ("PCM_16", "FLAC", "PCM_16"),
        ("PCM_24", "FLAC", "PCM_24"),
        ("PCM_16", "WAV", "PCM_16"),
        ("FLOAT", "WAV", "PCM_16"),
    ],
)
def test_packing_loses_nothing(tmp_path: Path, subtype: str, container: str, packed: str) -> None:
    path = tmp_path / f"sound.{container.lower()}"
    stereo = np.stack([NOISE, NOISE[::-1]], axis=1)
    content = stereo / 32768 if subtype == "FLOAT" else stereo
    soundfile.write(path, content, RATE_HZ, subtype=subtype, format=container)
    span = read_span(str(path), 1.0, 0.5)
    first = encode_flac(span)
    assert first == encode_flac(read_span(str(path), 1.0, 0.5))
    with soundfile.SoundFile(io.BytesIO(first)) as sound:
        assert (sound.format, sound.subtype, sound.samplerate) == ("FLAC", packed, RATE_HZ)
        back = sound.read(dtype="int16", always_2d=True)
    np.testing.assert_array_equal(back, stereo[RATE_HZ : RATE_HZ + RATE_HZ // 2])


def test_what_cannot_be_read_is_said(flac: str, tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match=r"gone\.flac: gone"):
        read_span(str(tmp_path / "gone.flac"), 0.0, 1.0)
    garbage = tmp_path / "garbage.flac"
    garbage.write_bytes(b"garbage" * 100)
    with pytest.raises(SoundUnreadable, match=r"garbage\.flac: "):
        read_span(str(garbage), 0.0, 1.0)
    short = tmp_path / "short.flac"
    whole = Path(flac).read_bytes()
    short.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SoundUnreadable, match=r"short\.flac: "):
        read_span(str(short), 4.0, 0.5)
    with pytest.raises(ValueError, match="not a stretch"):
        read_span(flac, -1.0, 1.0)
