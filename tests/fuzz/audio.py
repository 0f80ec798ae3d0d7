"""Headers of audio files as fuzz targets: mp3, wav, flac, ogg, and the containers of videos."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import av
import numpy as np
import soundfile

from pipelines.sources.audio_facts import AudioUnreadable
from pipelines.sources.audio_probe import HEAD_BYTES, probe, probe_container, probe_whole
from pipelines.sources.mp3_header import probe_mp3
from tests.fuzz.mutate import AUDIO
from tests.fuzz.target import Target
from tests.pipelines.sources.archives import clip

SAMPLES = Path(__file__).parents[2] / "samples" / "game_voice"


def audio_targets() -> list[Target]:
    """Targets that read headers from bytes."""
    files = tuple(_encode(*form) for form in FORMS)
    real = (SAMPLES / "020006J1.mp3").read_bytes()[:6000]
    mp3 = (clip(8), real, b"ID3\x03\0\0\0\0\0\x10" + bytes(16) + clip(8), files[-1])
    media = tuple(_media(*form) for form in MEDIA)
    unreadable = (AudioUnreadable,)
    return [
        Target(
            "mp3_header", mp3, lambda c: probe_mp3(c[:HEAD_BYTES], len(c)), unreadable, AUDIO, 3
        ),
        Target("audio_probe", files, probe_whole, unreadable, AUDIO, 6),
        Target("audio_probe head", (*files, *mp3), _from_head, unreadable, AUDIO, 6),
        Target("media containers", media, _container, unreadable, AUDIO),
    ]


FORMS = (
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
)
MEDIA = (("mp4", "aac"), ("webm", "libopus"), ("ogg", "libopus"))


def _from_head(content: bytes) -> object:
    return probe(content[:300], len(content), lambda: content)


def _container(content: bytes) -> object:
    return probe_container(io.BytesIO(content), len(content))


@cache
def _encode(form: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    sound = 0.1 * np.sin(np.arange(2400) / 9)
    soundfile.write(buffer, sound, 24000, format=form, subtype=subtype)
    return buffer.getvalue()


@cache
def _media(form: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as made:
        track = made.add_stream(codec, rate=48000, layout="mono")
        assert isinstance(track, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 9600), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 48000
        if codec == "libopus":
            frame = av.AudioResampler(format="flt", layout="mono", rate=48000).resample(frame)[0]
        for packet in (*track.encode(frame), *track.encode(None)):
            made.mux(packet)
    return buffer.getvalue()
