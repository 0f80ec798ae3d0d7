import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.audio_bytes import AudioReader
from pipelines.reporting.sound import (
    AS_IT_IS_BYTES,
    CLIP_S,
    FULL,
    READ_BYTES,
    Sound,
    SoundBudget,
    encode,
)

SHORT = encode(np.zeros((2400, 1), np.float32), 24_000).content


def row(path: Path, size: int, **changes: object) -> dict[str, object]:
    place = {
        "audio_uri": str(path),
        "audio_container": "file",
        "audio_member": None,
        "audio_offset": 0,
        "audio_size": size,
        "audio_format": "mp3",
    }
    return {**place, **changes}


def tone(path: Path, seconds: float, rate: int, channels: int = 1) -> int:
    """Writes 440 Hz in every channel, as PCM; the file's size."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, np.repeat(wave[:, np.newaxis], channels, axis=1), rate, subtype="PCM_16")
    return path.stat().st_size


def heard(sound: Sound | None) -> tuple[float, float]:
    """Seconds and the loudest frequency, Hz."""
    assert sound is not None and sound.media_type == "audio/mpeg"
    samples, rate = soundfile.read(io.BytesIO(sound.content))
    assert samples.ndim == 1
    loudest = np.argmax(np.abs(np.fft.rfft(samples)))
    return len(samples) / rate, float(loudest * rate / len(samples))


def test_small_compressed_audio_travels_as_it_is(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp3"
    clip.write_bytes(SHORT)
    with AudioReader() as reader:
        sound, missing = SoundBudget(reader).load(row(clip, len(SHORT)))
    assert sound == Sound(media_type="audio/mpeg", content=SHORT)
    assert missing is None


@pytest.mark.parametrize("kind", ["mp3", "wav", "m4a", "webm"])
def test_a_file_that_is_no_sound_never_gets_into_a_page(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "id_rsa"
    secret.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n" + "b3BlbnNzaC1rZXk\n" * 40)
    with AudioReader() as reader:
        place = row(secret, secret.stat().st_size, audio_format=kind)
        sound, missing = SoundBudget(reader).load(place)
    assert sound is None
    assert missing is not None and "OPENSSH" not in missing


@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [("a.wav", 48_000, 2), ("a.flac", 16_000, 1), ("a.ogg", 44_100, 2), ("a.wav", 96_000, 1)],
)
def test_everything_else_becomes_a_small_mp3(
    tmp_path: Path, name: str, rate: int, channels: int
) -> None:
    clip = tmp_path / name
    if name.endswith("ogg"):
        wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate)
        soundfile.write(clip, np.stack([wave] * channels, axis=1), rate, format="OGG")
    else:
        tone(clip, 3.0, rate, channels)
    place = row(clip, clip.stat().st_size, audio_format=clip.suffix[1:])
    with AudioReader() as reader:
        sound, missing = SoundBudget(reader).load(place)
        assert SoundBudget(reader).load(place)[0] == sound  # the same bytes again
    seconds, frequency = heard(sound)
    assert missing is None and sound is not None and len(sound.content) < 25_000
    assert seconds == pytest.approx(3.0, abs=0.1) and frequency == pytest.approx(440, abs=2)


def test_a_long_mp3_ends_after_a_minute(tmp_path: Path) -> None:
    clip = tmp_path / "long.mp3"
    soundfile.write(clip, np.zeros(100 * 16_000), 16_000, format="MP3")
    size = clip.stat().st_size
    assert size > AS_IT_IS_BYTES
    with AudioReader() as reader:
        sound, _ = SoundBudget(reader).load(row(clip, size))
    assert sound is not None
    assert heard(sound)[0] == pytest.approx(CLIP_S, abs=0.1)


def test_a_stretch_of_vocals(tmp_path: Path) -> None:
    vocals = tmp_path / "vocals.flac"
    tone(vocals, 10.0, 24_000)
    with AudioReader() as reader:
        budget = SoundBudget(reader)
        sound, missing = budget.load_span(str(vocals), 2.0, 4.0)
        assert missing is None
        seconds, frequency = heard(sound)
        assert seconds == pytest.approx(4.0, abs=0.1) and frequency == pytest.approx(440, abs=2)
        for path, start, why in (
            (str(vocals), 20.0, "ends before"),
            (str(tmp_path / "gone.flac"), 0.0, "gone"),
        ):
            sound, missing = budget.load_span(path, start, 4.0)
            assert sound is None and missing is not None and why in missing


def test_the_budget_ends_and_says_so(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp3"
    clip.write_bytes(SHORT)
    tone(tmp_path / "clip.wav", 3.0, 24_000)
    with AudioReader() as reader:
        budget = SoundBudget(reader, 2 * len(SHORT) + 5)
        place = row(clip, len(SHORT))
        assert [budget.load(place)[1] for _ in range(4)] == [None, None, FULL, FULL]
        assert budget.load_span(str(tmp_path / "clip.wav"), 0.0, 1.0) == (None, FULL)


def test_audio_that_is_gone_is_said_and_costs_nothing(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp3"
    clip.write_bytes(SHORT)
    with AudioReader() as reader:
        budget = SoundBudget(reader, len(SHORT))
        sound, missing = budget.load(row(tmp_path / "gone.mp3", 10))
        assert sound is None and missing is not None and "gone since ingest" in missing
        sound, missing = budget.load(row(tmp_path / "gone.tar", 10, audio_container="tar"))
        assert sound is None and missing is not None
        assert budget.load(row(clip, len(SHORT)))[0] is not None


def test_what_is_no_sound_or_too_far_away_is_said(tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    clip.write_bytes(b"0123456789")
    with AudioReader() as reader:
        budget = SoundBudget(reader)
        sound, missing = budget.load(row(clip, 10, audio_format="wav"))
        assert sound is None and missing is not None
        far = row(clip, 10, audio_container="tar.gz", audio_offset=READ_BYTES)
        for place in (far, row(clip, READ_BYTES + 1)):
            sound, missing = budget.load(place)
            assert sound is None and missing is not None and "too far" in missing


def test_nothing_gets_louder() -> None:
    samples = np.full((24_000, 2), 0.25, np.float32)
    decoded, _ = soundfile.read(io.BytesIO(encode(samples, 24_000).content))
    assert np.abs(decoded[4000:20_000]).max() == pytest.approx(0.25, abs=0.02)
