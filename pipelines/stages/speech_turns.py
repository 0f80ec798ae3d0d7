"""One recording's sound -> who speaks when in all of it (MCLP 5.1: "on the whole audio").

The recording streams through in chunks: memory is that of two chunks and what the model needs for
one, whatever the recording's length. Speakers are ``SPEAKER_00``, ``SPEAKER_01``, ... by first
appearance; the labels mean nothing outside the recording. The corpus's own sentence times play no
part: lines that the transcript lacks are heard, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from pipelines.backends.diarizer import Diarizer
from pipelines.sound import stream_sound
from pipelines.stages.linking import ChunkSpeaker, link_speakers
from pipelines.stages.quiet_cuts import cut_at_quiet
from schemas.episode import SpeechTurn

# Part of every result's key: raise it when the same settings give other turns than before.
VERSION = 1


def diarize_file(
    path: str, diarizer: Diarizer, chunk_s: float, on_progress: Callable[[float], None]
) -> tuple[SpeechTurn, ...]:
    """The speech turns of a sound file, by start, then end, then speaker.

    Args:
        path: of the file; its channels are mixed down.
        diarizer: hears one chunk at a time.
        chunk_s: seconds a chunk, at most (but for the last, :mod:`pipelines.stages.quiet_cuts`).
        on_progress: called with the seconds that are done, chunk by chunk.

    Raises:
        SoundUnreadable: the file has no sound, or it does not decode.
        UsageError: the model cannot be loaded.
    """
    rate = diarizer.sample_rate_hz
    blocks = (block[0] for block in stream_sound(path, rate, 1))
    turns: list[SpeechTurn] = []
    chunk_of: list[int] = []  # the chunk of each turn
    speakers: list[ChunkSpeaker] = []
    for number, (begin, samples) in enumerate(cut_at_quiet(blocks, rate, chunk_s)):
        found = diarizer.diarize(samples)
        spoken: dict[str, float] = {}
        for turn in found.turns:
            spoken[turn.speaker] = spoken.get(turn.speaker, 0.0) + turn.duration
            turns.append(_later(turn, begin / rate))
            chunk_of.append(number)
        speakers += [
            ChunkSpeaker(number, label, seconds, found.voices.get(label))
            for label, seconds in spoken.items()
        ]
        on_progress((begin + len(samples)) / rate)
    groups = link_speakers(speakers, diarizer.link_distance)
    names = {(s.chunk, s.label): f"{group:06d}" for s, group in zip(speakers, groups, strict=True)}
    return number_speakers(
        [
            dataclasses.replace(turn, speaker=names[number, turn.speaker])
            for turn, number in zip(turns, chunk_of, strict=True)
        ]
    )


def number_speakers(turns: list[SpeechTurn]) -> tuple[SpeechTurn, ...]:
    """The turns in order, their speakers named ``SPEAKER_00``, ... by first appearance.

    >>> turns = [SpeechTurn(start=2.0, duration=1.0, speaker="x"),
    ...          SpeechTurn(start=0.5, duration=1.0, speaker="y")]
    >>> [(turn.start, turn.speaker) for turn in number_speakers(turns)]
    [(0.5, 'SPEAKER_00'), (2.0, 'SPEAKER_01')]
    """
    ordered = sorted(turns, key=lambda turn: (turn.start, turn.duration, turn.speaker))
    names: dict[str, str] = {}
    for turn in ordered:
        names.setdefault(turn.speaker, f"SPEAKER_{len(names):02d}")
    return tuple(dataclasses.replace(turn, speaker=names[turn.speaker]) for turn in ordered)


def _later(turn: SpeechTurn, seconds: float) -> SpeechTurn:
    """Times to the millisecond: finer ones mean nothing, and RTTM stays readable."""
    start, end = round(seconds + turn.start, 3), round(seconds + turn.start + turn.duration, 3)
    return SpeechTurn(start=start, duration=round(end - start, 3), speaker=turn.speaker)
