from __future__ import annotations

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.sources.audio_facts import AudioUnreadable
from pipelines.sources.audio_probe import HEAD_BYTES, probe, probe_whole

SECONDS = 3.7


def noise(rate: int, channels: int = 1) -> NDArray[np.float64]:
    generator = np.random.default_rng(0)
    # Silence, then noise: the bit rate of a VBR file changes inside.
    loudness = np.repeat([0.0, 0.5], [int(rate * SECONDS / 2), int(rate * SECONDS / 2)])
    samples: NDArray[np.float64] = generator.standard_normal((len(loudness), channels))
    samples *= loudness[:, None]
    return samples


def encode(form: str, rate: int, channels: int = 1, **options: object) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, noise(rate, channels), rate, format=form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE", "AVERAGE"])
@pytest.mark.parametrize("rate", [8000, 16000, 24000, 32000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_agrees_with_a_decoder(rate: int, channels: int, mode: str) -> None:
    clip = encode("MP3", rate, channels, bitrate_mode=mode)
    decoded, decoded_rate = soundfile.read(io.BytesIO(clip))
    for facts in (probe_whole(clip), probe(clip[:HEAD_BYTES], len(clip), lambda: clip)):
        assert (facts.format, facts.sample_rate_hz, facts.num_channels) == ("mp3", rate, channels)
        assert facts.duration == pytest.approx(len(decoded) / decoded_rate, abs=0.002)
        assert facts.is_complete


def without_xing(clip: bytes) -> bytes:
    """The frames after the first one, which holds the header."""
    mark = max(clip.find(b"Xing"), clip.find(b"Info"))
    return clip[clip.index(b"\xff", mark + 200) :]


def test_vbr_without_a_header_is_counted_when_its_start_does_not_tell() -> None:
    clip = without_xing(encode("MP3", 24000, bitrate_mode="VARIABLE"))
    whole = probe_whole(clip)
    assert whole.duration == pytest.approx(SECONDS, abs=0.15)
    assert not whole.is_estimate
    head = probe(clip[:HEAD_BYTES], len(clip), lambda: clip)
    assert head.is_estimate or head.duration == whole.duration


def test_tags_before_and_behind_the_frames() -> None:
    clip = without_xing(encode("MP3", 24000, bitrate_mode="CONSTANT"))
    seconds = probe_whole(clip).duration
    picture = b"ID3\x03\0\0" + bytes([0, 2, 0, 0]) + bytes(2 * 128 * 128)
    tagged = picture + clip + b"TAG" + bytes(125)
    assert probe_whole(tagged).duration == pytest.approx(seconds)
    facts = probe(tagged[:HEAD_BYTES], len(tagged), lambda: tagged)
    assert facts.duration == pytest.approx(seconds)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_a_cut_mp3_with_a_header_says_what_is_left(mode: str) -> None:
    clip = encode("MP3", 24000, bitrate_mode=mode)
    cut = clip[: len(clip) // 2]
    facts = probe(cut[:HEAD_BYTES], len(cut), lambda: cut)
    assert not facts.is_complete
    assert facts.duration == pytest.approx(SECONDS / 2, rel=0.1)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "OPUS"])
def test_other_formats_agree_with_a_decoder(form: str, channels: int) -> None:
    options = {"subtype": "OPUS"} if form == "OPUS" else {}
    container = "OGG" if form == "OPUS" else form
    clip = encode(container, 24000, channels, **options)
    rate = 48000 if form == "OPUS" else 24000
    for facts in (probe_whole(clip), probe(clip[:HEAD_BYTES], len(clip), lambda: clip)):
        assert (facts.format, facts.sample_rate_hz) == (form.lower(), rate)
        assert facts.num_channels == channels
        assert facts.duration == pytest.approx(len(noise(24000)) / 24000, abs=0.001)
        assert facts.is_complete and not facts.is_estimate


def test_a_cut_wav_and_a_streamed_one() -> None:
    clip = encode("WAV", 16000)
    assert not probe_whole(clip[:20_000]).is_complete
    at = clip.index(b"data") + 4
    streamed = clip[:at] + struct.pack("<I", 0xFFFFFFFF) + clip[at + 4 :]
    assert probe_whole(streamed).is_complete
    assert probe_whole(streamed).duration == pytest.approx(probe_whole(clip).duration)


def test_m4a_through_pyav() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=24000, layout="mono")
        samples = noise(24000).astype(np.float32).T
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = 24000, Fraction(1, 24000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    facts = probe_whole(buffer.getvalue())
    assert (facts.format, facts.sample_rate_hz, facts.num_channels) == ("m4a", 24000, 1)
    assert facts.duration == pytest.approx(SECONDS, abs=0.1)


def test_webm_is_as_long_as_its_packets_whatever_it_states() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webm", options={"live": "1"}) as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono")
        samples = noise(48000).astype(np.float32).T
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    facts = probe_whole(buffer.getvalue())
    assert (facts.format, facts.sample_rate_hz, facts.num_channels) == ("webm", 48000, 1)
    assert facts.duration == pytest.approx(SECONDS, abs=0.05)


MARKS = (
    b"",
    b"RIFF\0\0\0\0WAVE",
    b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0",
    b"fLaC\0\0\0\x22",
    b"OggS\0\x02",
    b"ID3\x04\0\0\0\0\0\x0a",
    b"\xff\xfb\x90\x64",
    b"\xff\xf3\x64\xc4",
    b"\0\0\0\x20ftypM4A ",
    b"\x1aE\xdf\xa3",
)


@given(mark=st.sampled_from(MARKS), content=st.binary(max_size=2000), size=st.integers(0, 10**12))
@settings(max_examples=300, deadline=None)
def test_random_bytes_raise_nothing_but_our_error(mark: bytes, content: bytes, size: int) -> None:
    clip = mark + content
    for head in (clip, clip[:64]):
        try:
            facts = probe_whole(clip) if head is clip else probe(head, size, lambda: clip)
        except AudioUnreadable:
            continue
        assert facts.duration >= 0
        assert facts.sample_rate_hz > 0
        assert facts.num_channels > 0
