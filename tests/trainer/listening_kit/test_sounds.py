"""Clips as raters get them: the same sound, nothing else; and no file from outside."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.trainer.listening_kit.clips import write_tone
from trainer.errors import UsageError
from trainer.listening.sounds import Sounds


def heard(wav: bytes) -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(io.BytesIO(wav))
    return samples, rate


def test_a_clip_keeps_its_samples_and_rate_and_loses_its_tags(tmp_path: Path) -> None:
    path = tmp_path / "flexivoice_s2.flac"
    spoken = np.random.default_rng(1).uniform(-0.5, 0.5, 24000)
    with soundfile.SoundFile(path, "w", 24000, 1, "PCM_16") as stream:
        stream.title, stream.artist = "flexivoice", "made by system x"
        stream.write(spoken)
    content = Sounds(tmp_path, 60).wav("flexivoice_s2.flac")
    samples, rate = heard(content)
    assert rate == 24000
    np.testing.assert_allclose(samples, spoken, atol=2**-14)
    assert b"flexivoice" in path.read_bytes()
    assert b"flexivoice" not in content and b"system x" not in content
    assert Sounds(tmp_path, 60).wav("flexivoice_s2.flac") == content


def test_two_channels_become_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile([0.4, 0.2], (1000, 1)), 16000)
    samples, _ = heard(Sounds(tmp_path, 60).wav("a.wav"))
    np.testing.assert_allclose(samples, 0.3, atol=1e-3)


def test_a_drowned_clip_is_as_loud_and_noise(tmp_path: Path) -> None:
    write_tone(tmp_path / "a.wav", 220, seconds=1)
    sounds = Sounds(tmp_path, 60)
    clear, noise = (heard(sounds.wav("a.wav", drowned))[0] for drowned in (False, True))
    assert len(clear) == len(noise)
    assert np.std(noise) == pytest.approx(np.std(clear), rel=0.1)
    share = np.corrcoef(clear, noise)[0, 1] ** 2
    assert share < 0.03  # of the power is the clip: -20 dB is 0.01
    assert sounds.wav("a.wav", True) == Sounds(tmp_path, 60).wav("a.wav", True)


def test_a_silent_clip_still_becomes_noise(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    assert np.std(heard(Sounds(tmp_path, 60).wav("a.wav", True))[0]) > 0.01


@pytest.mark.parametrize(
    "name", ["../secret.wav", "/etc/passwd", "inside/../../secret.wav", "link"]
)
def test_no_path_leaves_the_folder(name: str, tmp_path: Path) -> None:
    write_tone(tmp_path / "secret.wav", 220)
    folder = tmp_path / "audio"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(UsageError, match=r"not in .*audio, the folder of audio \(--audio\)"):
        Sounds(folder, 60).wav(name)


def test_what_cannot_be_played_is_named(tmp_path: Path) -> None:
    sounds = Sounds(tmp_path, 0.2)
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 16000, subtype="FLOAT")
    write_tone(tmp_path / "long.wav", 220, seconds=0.3)
    for name, message in {
        "none.wav": "cannot be read: No such file",
        "text.wav": "not audio that can be played",
        "empty.wav": "has no samples",
        "nan.wav": "no numbers",
        "long.wav": "over 0.2 s; raise max_seconds",
    }.items():
        with pytest.raises(UsageError) as found:
            sounds.wav(name)
        assert name in str(found.value) and message in str(found.value)
