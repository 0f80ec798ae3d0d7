"""Real recorded lines with their words, from the samples, and the models that listen to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from trainer.audio_models.campplus import CamPlusPlusEncoder
from trainer.audio_models.protocol import SAMPLE_RATE_HZ, Samples
from trainer.audio_models.whisper import WhisperTranscriber
from trainer.speech.sound import cut_sound, decode_sound

SAMPLES = Path(__file__).parents[2] / "samples"


@dataclass(frozen=True)
class Line:
    """One line as it was spoken."""

    text: str
    speaker: str
    language: str
    speech: Samples  # 16 kHz


@cache
def game_lines(speakers: tuple[str, ...], longer_than: int, each: int) -> tuple[Line, ...]:
    """English lines of a game, `each` a speaker, of more characters than `longer_than`."""
    folder = SAMPLES / "game_voice"
    found: list[Line] = []
    for name, entry in json.loads((folder / "result.json").read_text()).items():
        speaker, text = entry["talkRole"], entry["text"]
        so_far = sum(line.speaker == speaker for line in found)
        if speaker in speakers and len(text) > longer_than and so_far < each:
            speech = decode_sound((folder / name).read_bytes(), SAMPLE_RATE_HZ)
            found.append(Line(text, speaker, "en", speech))
    return tuple(found)


@cache
def drama_lines(count: int) -> tuple[Line, ...]:
    """Mandarin lines of a drama."""
    folder = SAMPLES / "drama"
    audio = json.loads((folder / "WenetSpeech.json").read_text())["audios"][0]
    path = folder / audio["path"]
    whole = decode_sound(path.read_bytes(), SAMPLE_RATE_HZ)
    lines = []
    for segment in audio["segments"][:count]:
        start, end = segment["begin_time"], segment["end_time"]
        speech = cut_sound(whole, SAMPLE_RATE_HZ, start, end - start).numpy()
        lines.append(Line(segment["text"], "", "zh", speech))
    return tuple(lines)


@cache
def whisper() -> WhisperTranscriber:
    """Loaded once a session."""
    return WhisperTranscriber()


@cache
def campplus() -> CamPlusPlusEncoder:
    """Loaded once a session."""
    return CamPlusPlusEncoder()
