"""A sound file chunk by chunk: times of the recording, and speakers linked by their voices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.backends.diarizer import ChunkDiarization
from pipelines.sound import SoundUnreadable
from pipelines.stages.speech_turns import diarize_file, number_speakers
from schemas.episode import SpeechTurn
from tests.pipelines.media_files import write_wav

RATE = 1000
HIGH, LOW = np.array([1, 0], np.float32), np.array([0, 1], np.float32)


class ByLoudness:
    """A diarizer for these tests: who is loud is one voice, who is soft another."""

    name = "test"
    identity: Mapping[str, object] = {}
    sample_rate_hz = RATE
    link_distance = 0.3

    def __init__(self) -> None:
        self.heard: list[int] = []

    def check(self) -> None:
        """Nothing is needed."""

    def diarize(self, samples: NDArray[np.float32]) -> ChunkDiarization:
        """Labels change from chunk to chunk."""
        self.heard.append(len(samples))
        turns, voices = [], {}
        for name, (low, high), voice in (("loud", (0.6, 1), HIGH), ("soft", (0.1, 0.6), LOW)):
            inside = (np.abs(samples) > low) & (np.abs(samples) <= high)
            edges = np.flatnonzero(np.diff(np.concatenate([[0], inside, [0]]).astype(int)))
            for begin, end in edges.reshape(-1, 2):
                label = f"{name}{len(self.heard)}"
                turns.append(
                    SpeechTurn(start=begin / RATE, duration=(end - begin) / RATE, speaker=label)
                )
                voices[label] = voice
        return ChunkDiarization(tuple(turns), voices)


def recording(folder: Path, *stretches: tuple[float, float]) -> str:
    """(seconds, level) after each other."""
    pieces = [np.full(round(seconds * RATE), level, np.float32) for seconds, level in stretches]
    return str(write_wav(folder / "sound.wav", np.concatenate(pieces)[None], RATE))


def test_times_are_of_the_recording_and_voices_are_linked(tmp_path: Path) -> None:
    path = recording(
        tmp_path, (1.0, 0), (1.5, 0.9), (6.5, 0), (2.0, 0.3), (7.0, 0), (2.0, 0.9), (2.0, 0)
    )
    diarizer, told = ByLoudness(), list[float]()
    turns = diarize_file(path, diarizer, 10.0, told.append)
    assert [(t.start, t.duration, t.speaker) for t in turns] == [
        (1.0, 1.5, "SPEAKER_00"),
        (9.0, 2.0, "SPEAKER_01"),
        (18.0, 2.0, "SPEAKER_00"),
    ]
    assert len(diarizer.heard) == 3
    assert told == pytest.approx(np.cumsum(diarizer.heard) / RATE)
    assert told[-1] == 22.0


def test_a_file_without_sound_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "not.wav"
    path.write_bytes(b"RIFF")
    with pytest.raises(SoundUnreadable):
        diarize_file(str(path), ByLoudness(), 10.0, lambda _: None)


def test_times_are_whole_milliseconds(tmp_path: Path) -> None:
    path = recording(tmp_path, (0.123, 0), (0.456, 0.9), (1.0, 0))
    (turn,) = diarize_file(path, ByLoudness(), 10.0, lambda _: None)
    assert (turn.start, turn.duration) == (0.123, 0.456)


def test_turns_that_begin_together_are_in_order_of_their_length() -> None:
    turns = [
        SpeechTurn(start=1.0, duration=3.0, speaker="b"),
        SpeechTurn(start=1.0, duration=2.0, speaker="a"),
        SpeechTurn(start=0.0, duration=1.0, speaker="b"),
    ]
    for order in (turns, turns[::-1]):
        assert [(t.duration, t.speaker) for t in number_speakers(order)] == [
            (1.0, "SPEAKER_00"),
            (2.0, "SPEAKER_01"),
            (3.0, "SPEAKER_00"),
        ]
    assert number_speakers([]) == ()
