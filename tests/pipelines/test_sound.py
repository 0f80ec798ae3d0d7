"""Sound from media files: sample 0 is time 0, whatever the container does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.signal import correlate

from pipelines.sound import Hole, SoundUnreadable, load_sound, stream_sound
from tests.pipelines.media_files import (
    SAMPLE_AUDIO,
    SAMPLE_VIDEOS,
    TRUE_VOCALS,
    burst,
    centre,
    later,
    noise,
    write_media,
    write_wav,
)

RATE = 8000


@pytest.mark.parametrize("path", [SAMPLE_VIDEOS[0], SAMPLE_AUDIO[0]], ids=["video", "audio"])
def test_the_sample_is_aligned_with_the_truth_to_the_sample(path: Path) -> None:
    truth, rate = soundfile.read(TRUE_VOCALS, dtype="float32")
    heard = load_sound(str(path), rate, 1)[0, : len(truth)]
    lag = int(np.argmax(correlate(heard, truth, method="fft"))) - (len(truth) - 1)
    assert lag == 0


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.wav", "pcm_s16le", 44100),
        ("a.flac", "flac", 44100),
        ("a.mp4", "aac", 44100),
        ("a.mkv", "aac", 44100),
        ("a.ts", "aac", 44100),
        ("a.ogg", "libopus", 48000),
        ("a.webm", "libopus", 48000),
        ("a.mp3", "libmp3lame", 44100),
    ],
)
@pytest.mark.parametrize("wanted", [16000, 44100])
def test_a_burst_is_where_it_was_in_every_container(
    tmp_path: Path, name: str, codec: str, rate: int, wanted: int
) -> None:
    path = write_media(tmp_path / name, burst(2.0, rate, 1.25), rate, codec)
    holes: list[Hole] = []
    heard = np.concatenate(list(stream_sound(str(path), wanted, 1, holes=holes)), axis=1)
    # A transport stream does not say how long its encoder's priming is: 1024 samples.
    assert centre(heard, wanted) == pytest.approx(1.25, abs=0.025 if name == "a.ts" else 5e-4)
    assert heard.shape[1] / wanted == pytest.approx(2.0, abs=0.06)  # an encoder's last frame
    assert sum(hole.duration for hole in holes) < 0.03


def test_lossless_sound_comes_back_as_it_was(tmp_path: Path) -> None:
    samples = noise(1.5, RATE, 2)
    path = write_wav(tmp_path / "a.wav", samples, RATE)
    np.testing.assert_array_equal(load_sound(str(path), RATE, 2), samples)


@pytest.mark.parametrize("rate", [7350, 11025, 22050, 48000, 96000])
def test_an_odd_rate_is_resampled_to_the_nearest_sample(tmp_path: Path, rate: int) -> None:
    path = write_wav(tmp_path / "a.wav", burst(1.0, rate, 0.4), rate)
    heard = load_sound(str(path), 16000, 1)
    assert heard.shape == (1, pytest.approx(16000, abs=1))
    assert centre(heard, 16000) == pytest.approx(0.4, abs=1e-5)


def test_sound_that_begins_later_than_the_picture_is_padded(tmp_path: Path) -> None:
    samples = noise(0.5, RATE)
    path = write_media(tmp_path / "a.mkv", samples, RATE, picture=True, change=later(1.5))
    holes: list[Hole] = []
    heard = np.concatenate(list(stream_sound(str(path), RATE, 1, holes=holes)), axis=1)
    assert not heard[:, : 3 * RATE // 2].any()
    np.testing.assert_array_equal(heard[:, 3 * RATE // 2 :], samples)
    assert holes == [Hole(0.0, 1.5)]


def test_a_clock_that_does_not_begin_at_zero_is_taken_to(tmp_path: Path) -> None:
    samples = noise(0.5, RATE)
    path = write_media(tmp_path / "a.mkv", samples, RATE, change=later(1.5))
    np.testing.assert_array_equal(load_sound(str(path), RATE, 1), samples)


@pytest.mark.parametrize("name", ["a.mkv", "a.mov"], ids=["negative time", "edit list"])
def test_sound_before_time_zero_is_cut(tmp_path: Path, name: str) -> None:
    samples = noise(1.0, RATE)
    path = write_media(tmp_path / name, samples, RATE, picture=True, change=later(-0.25))
    np.testing.assert_array_equal(load_sound(str(path), RATE, 1), samples[:, RATE // 4 :])


def test_a_hole_is_filled_and_told(tmp_path: Path) -> None:
    samples = noise(1.024, RATE)
    path = write_media(tmp_path / "a.mkv", samples, RATE, change=later(2.0, after=0.512))
    holes: list[Hole] = []
    heard = np.concatenate(list(stream_sound(str(path), RATE, 1, holes=holes)), axis=1)
    assert holes == [Hole(0.512, 2.0)]
    assert heard.shape[1] == samples.shape[1] + 2 * RATE
    np.testing.assert_array_equal(heard[:, :4096], samples[:, :4096])
    assert not heard[:, 4096 : 4096 + 2 * RATE].any()
    np.testing.assert_array_equal(heard[:, 4096 + 2 * RATE :], samples[:, 4096:])


@pytest.mark.parametrize("seconds", [0.05, 1e6], ids=["jitter", "absurd"])
def test_a_clock_that_jitters_or_jumps_adds_no_silence(tmp_path: Path, seconds: float) -> None:
    samples = noise(1.024, RATE)
    path = write_media(tmp_path / "a.nut", samples, RATE, change=later(seconds, after=0.512))
    holes: list[Hole] = []
    heard = np.concatenate(list(stream_sound(str(path), RATE, 1, holes=holes)), axis=1)
    np.testing.assert_array_equal(heard, samples)
    assert holes == []


def test_a_packet_that_does_not_decode_is_a_hole_and_the_rest_stays_in_place(
    tmp_path: Path,
) -> None:
    import av

    def spoil(packet: Any) -> Any:  # noqa: ANN401
        if packet.pts is None or not 0.5 <= float(packet.pts * packet.time_base) < 0.9:
            return packet
        spoiled = av.Packet(b"\xff" * 64)
        spoiled.stream = packet.stream
        spoiled.pts, spoiled.dts = packet.pts, packet.dts
        spoiled.time_base = packet.time_base
        return spoiled

    path = write_media(tmp_path / "a.mkv", burst(3.0, 44100, 2.25), 44100, "flac", change=spoil)
    holes: list[Hole] = []
    heard = np.concatenate(list(stream_sound(str(path), 44100, 1, holes=holes)), axis=1)
    assert centre(heard, 44100) == pytest.approx(2.25, abs=2e-3)  # Matroska counts milliseconds
    (hole,) = holes
    assert hole.start == pytest.approx(0.5, abs=0.15)
    assert hole.duration == pytest.approx(0.4, abs=0.15)


def test_a_change_of_clock_rate_and_channels_on_the_way_is_followed(tmp_path: Path) -> None:
    first = write_media(tmp_path / "a.ts", burst(1.0, 44100, 0.5), 44100, "aac")
    second = write_media(tmp_path / "b.ts", burst(1.0, 22050, 0.5, 2), 22050, "aac")
    path = tmp_path / "both.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    heard = load_sound(str(path), 16000, 1)
    assert heard.shape[1] / 16000 == pytest.approx(2.0, abs=0.15)
    assert centre(heard[:, :16000], 16000) == pytest.approx(0.5, abs=0.03)  # no priming known
    assert centre(heard[:, 16800:], 16000) == pytest.approx(0.5, abs=0.1)
    assert np.abs(heard).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("wanted", [1, 2])
def test_equal_channels_keep_their_loudness(tmp_path: Path, channels: int, wanted: int) -> None:
    one = noise(0.5, RATE)
    path = write_wav(tmp_path / "a.wav", np.repeat(one, channels, axis=0), RATE)
    heard = load_sound(str(path), RATE, wanted)
    np.testing.assert_allclose(heard, np.repeat(one, wanted, axis=0), atol=1e-6)


def test_the_size_of_the_blocks_changes_nothing_else(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", noise(2.3, 44100), 44100)
    whole = load_sound(str(path), 16000, 1)
    blocks = list(stream_sound(str(path), 16000, 1, block_s=0.5))
    assert [block.shape[1] for block in blocks[:-1]] == [8000] * 4
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole)


def _not_media(path: Path) -> None:
    path.write_bytes(b"this is not a video" * 100)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _no_sound(path: Path) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as out:
        video: Any = out.add_stream("mpeg4", rate=5)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        out.mux(video.encode(av.VideoFrame(32, 32, "yuv420p")))
        out.mux(video.encode(None))


def _no_samples(path: Path) -> None:
    write_wav(path, np.zeros((1, 0), np.float32), RATE)


def _not_numbers(path: Path) -> None:
    samples = noise(0.5, RATE)
    samples[0, 1000] = np.nan
    write_wav(path, samples, RATE)


def _too_loud(path: Path) -> None:
    write_wav(path, noise(0.5, RATE) * 1e30, RATE)


def _playlist(path: Path) -> None:
    other = write_media(path.parent / "other.ts", noise(0.5, 44100), 44100, "aac")
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:9", "#EXTINF:9,", str(other), "#EXT-X-ENDLIST"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (None, "a.mp4", "No such file"),
        (_not_media, "a.mp4", "Invalid data"),
        (_empty, "a.mp4", "a.mp4"),
        (_no_sound, "a.mp4", "no sound track"),
        (_no_samples, "a.wav", "nothing of the sound track can be decoded"),
        (_not_numbers, "a.wav", "at 0.0.* s, a sample is no sound"),
        (_too_loud, "a.wav", "a sample is no sound"),
        (_playlist, "a.m3u8", "Invalid data"),  # it would have opened the other file
    ],
)
def test_what_is_no_sound_is_said_with_the_files_name(
    tmp_path: Path,
    make: Callable[[Path], None] | None,
    name: str,
    said: str,
) -> None:
    path = tmp_path / name
    if make is not None:
        make(path)
    with pytest.raises(SoundUnreadable, match=said) as raised:
        load_sound(str(path), 16000, 1)
    assert str(raised.value).startswith(str(path))
