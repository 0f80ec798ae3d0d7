"""Makes samples/esd, a few lines in ESD's layout, of the synthetic speech in samples/emilia.

    .venv/bin/python tools/esd_sample.py

The emotions are signal processing: pitch, rate, loudness and spectrum of a plain reading, changed a
way for each. Nobody feels anything here.
"""

from __future__ import annotations

import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfilt

Samples = NDArray[np.float64]

ROOT = Path(__file__).parents[1]
RATE_HZ = 16000  # ESD's
EDGE_S = 0.02  # faded in and out, where a sentence was cut
WINDOW = 640  # samples of an overlapped stretch: 40 ms, two periods of a low voice
SEARCH = 200  # samples that a stretch may be moved by, to fit the one before


@dataclass(frozen=True)
class Emotion:
    """How a plain reading is changed."""

    folder: str
    first: int  # number of the first line, as in ESD
    word_zh: str  # what ESD's Chinese text files call it
    pitch: float = 1.0  # factor
    rise: float = 0.0  # by how much more the pitch is raised at the end
    rate: float = 1.0  # factor of speed
    gain_db: float = 0.0
    drive: float = 0.0  # of a soft clipping
    lowpass_hz: float | None = None


EMOTIONS = (
    Emotion("Neutral", 1, "中立"),
    Emotion("Angry", 351, "生气", pitch=1.06, rate=1.15, gain_db=4.0, drive=3.0),
    Emotion("Happy", 701, "快乐", pitch=1.15, rate=1.08, gain_db=2.0),
    Emotion("Sad", 1051, "伤心", pitch=0.9, rate=0.85, gain_db=-8.0, lowpass_hz=2800.0),
    Emotion("Surprise", 1401, "惊喜", pitch=1.08, rise=0.2, rate=0.98, gain_db=1.0),
)


@dataclass(frozen=True)
class Take:
    """A stretch of one utterance of samples/emilia, and what is said in it."""

    utterance: str
    start: float  # seconds
    end: float | None  # None: to the end
    text: str


@dataclass(frozen=True)
class Speaker:
    """One speaker of the sample; all takes are of one synthetic voice."""

    name: str  # up to 0010 Chinese, from 0011 on English
    archive: str
    takes: tuple[Take, ...]


SPEAKERS = (
    Speaker(
        "0001",
        "ZH-B000000.tar",
        (
            Take("ZH_B00000_S00005_W000003", 0.0, 1.52, "上节课我们讲到，"),
            Take("ZH_B00000_S00005_W000003", 1.52, None, "孤立系统的熵永远不会减少。"),
            Take("ZH_B00000_S00005_W000004", 0.0, 1.21, "大家想一想，"),
            Take("ZH_B00000_S00005_W000004", 1.21, None, "如果慢慢抽掉这块隔板，会发生什么？"),
            Take("ZH_B00000_S00005_W000006", 0.0, 2.1, "这个公式请大家记下来，"),
            Take("ZH_B00000_S00005_W000006", 2.1, None, "期末考试一定会考。"),
        ),
    ),
    Speaker(
        "0011",
        "EN-B000000.tar",
        (
            Take("EN_B00000_S00000_W000004", 0.0, 1.75, "And he takes it past one defender."),
            Take("EN_B00000_S00000_W000004", 3.3, None, "And it is in the back of the net!"),
            Take("EN_B00000_S00000_W000009", 0.0, 1.58, "What a strike from the young captain!"),
            Take("EN_B00000_S00000_W000009", 1.58, None, "The whole stadium is on its feet!"),
            Take("EN_B00000_S00000_W000011", 0.0, 1.17, "Three minutes to go."),
            Take(
                "EN_B00000_S00000_W000011",
                1.17,
                None,
                "And United simply cannot get hold of the ball.",
            ),
        ),
    ),
    Speaker(
        "0012",
        "EN-B000000.tar",
        (
            Take("EN_B00000_S00003_W000005", 0.0, 1.96, "So I have been using these headphones."),
            Take("EN_B00000_S00003_W000005", 1.96, None, "For about three weeks now."),
            Take("EN_B00000_S00003_W000007", 0.0, 1.98, "The battery is honestly amazing."),
            Take("EN_B00000_S00003_W000007", 1.98, None, "But the ear cushions get really warm."),
            Take("EN_B00000_S00003_W000009", 0.0, 1.58, "If you can find them on sale."),
            Take("EN_B00000_S00003_W000009", 1.58, None, "I would say go for it."),
        ),
    ),
)


def main() -> int:
    """Writes the corpus; its README is not made here."""
    for speaker in SPEAKERS:
        sounds = [cut(speaker.archive, take) for take in speaker.takes]
        lines = []
        for emotion in EMOTIONS:
            for number, (take, sound) in enumerate(zip(speaker.takes, sounds, strict=True)):
                name = f"{speaker.name}_{emotion.first + number:06d}"
                path = ROOT / "samples" / "esd" / speaker.name / emotion.folder / f"{name}.mp3"
                write(path, spoken(sound, emotion))
                word = emotion.word_zh if speaker.name == "0001" else emotion.folder
                lines.append(f"{name}\t{take.text}\t{word}\n")
        text = ROOT / "samples" / "esd" / speaker.name / f"{speaker.name}.txt"
        encoding = "gb18030" if speaker.name == "0001" else "utf-8"  # as in the real corpus
        text.write_bytes("".join(lines).encode(encoding))
    return 0


def cut(archive: str, take: Take) -> Samples:
    """The take's sound at :data:`RATE_HZ`, its edges faded."""
    with tarfile.open(ROOT / "samples" / "emilia" / archive) as tar:
        member = tar.extractfile(f"{take.utterance}.mp3")
        if member is None:
            raise FileNotFoundError(take.utterance)
        sound, rate_hz = soundfile.read(io.BytesIO(member.read()), dtype="float64")
    whole: Samples = resample_poly(sound, RATE_HZ, rate_hz)
    end = len(whole) if take.end is None else round(take.end * RATE_HZ)
    part = np.array(whole[round(take.start * RATE_HZ) : end])
    fade = np.linspace(0.0, 1.0, round(EDGE_S * RATE_HZ))
    part[: len(fade)] *= fade
    part[-len(fade) :] *= fade[::-1]
    return part


def spoken(plain: Samples, emotion: Emotion) -> Samples:
    """The reading as if spoken with the emotion; it stays within 16 bits."""
    # Played faster, speech is higher and shorter; stretched again, it is only higher.
    count = len(plain)
    pitch = emotion.pitch * (1.0 + emotion.rise * np.linspace(0.0, 1.0, count) ** 2)
    played = np.cumsum(1.0 / pitch)  # where each sample comes to be
    sound = np.interp(np.arange(int(played[-1])), played, plain)
    sound = stretched(sound, round(count / emotion.rate))
    if emotion.lowpass_hz is not None:
        sound = sosfilt(butter(2, emotion.lowpass_hz, fs=RATE_HZ, output="sos"), sound)
    peak = np.abs(sound).max()
    if emotion.drive:
        sound = np.tanh(emotion.drive * sound / peak) * peak
    level: Samples = sound / np.abs(sound).max() * 0.4 * 10 ** (emotion.gain_db / 20)
    return np.clip(level, -0.98, 0.98)


def stretched(sound: Samples, length: int) -> Samples:
    """The sound in another length and at the same pitch: stretches overlapped where they fit."""
    hop = WINDOW // 2
    window = np.hanning(WINDOW + 1)[:-1]
    padded = np.concatenate([np.zeros(SEARCH), sound, np.zeros(2 * WINDOW + SEARCH)])
    result = np.zeros(length + 2 * WINDOW)
    wanted = padded[SEARCH : SEARCH + WINDOW]
    for start in range(0, length, hop):
        near = SEARCH + round(start * len(sound) / length)
        around = padded[near - SEARCH : near + SEARCH + WINDOW]
        at = near - SEARCH + int(np.argmax(np.correlate(around, wanted, "valid")))
        result[start : start + WINDOW] += window * padded[at : at + WINDOW]
        wanted = padded[at + hop : at + hop + WINDOW]
        if len(wanted) < WINDOW:
            break
    return result[:length]


def write(path: Path, sound: Samples) -> None:
    """An mp3 of some 24 kbit/s, so that the whole sample is small."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(
        path, "w", RATE_HZ, 1, format="MP3", bitrate_mode="CONSTANT", compression_level=0.9
    ) as file:
        file.write(sound)


if __name__ == "__main__":
    sys.exit(main())
