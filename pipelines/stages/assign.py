"""Sentences and speech turns -> one speaker for each sentence (MCLP 5.1).

The paper aligns "the timestamp of each transcript segment with the RTTM speaker segments" and says
no more. The rules here, in this order; all times are whole microseconds, so nothing depends on
float rounding, and nothing depends on the order of sentences or turns:

1. A speaker's own turns are united first: two that overlap are not counted twice.
2. The speaker with the most speech inside the sentence gets it. Where several speak at once, the
   time counts for each of them. A share of `overlapped_share` or more of it: `overlapped`.
3. A tie goes to the speaker who is first heard inside the sentence, then to the label that sorts
   first: `tie`.
4. Someone else speaking where the chosen speaker is silent, for at least `straddle_share` of the
   sentence and at least `straddle_min_s`: `straddles`. The sentence belongs to more than one.
5. Nobody speaks inside the sentence: the turn whose *boundary* is nearest, if it is at most
   `max_gap_s` away: `gap`. A tie goes to the turn that starts first, then to the label: `tie`.
6. Nobody is that near: no speaker, `no_speaker`.

For N sentences, T turns and K speakers the cost is O(T log T + K N log T), memory O(N + T): each
speaker's speech is a prefix sum over disjoint turns, read at both ends of every sentence.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipelines.stages.columns import with_columns
from pipelines.stages.microseconds import Microseconds, spans, to_microseconds
from pipelines.stages.settings import Share, Strict
from pipelines.stages.speech import NEVER, Speech, Stretches
from schemas.episode import Sentence, SpeechTurn

Seconds = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class Flag(enum.StrEnum):
    """How an assignment was made; several may hold at once."""

    TIE = "tie"  # another speaker was as good; decided by who is heard first
    STRADDLES = "straddles"  # part of the sentence is someone else's alone
    OVERLAPPED = "overlapped"  # several speak at once in part of the sentence
    GAP = "gap"  # nobody speaks inside it; taken from the nearest turn
    NO_SPEAKER = "no_speaker"  # nobody speaks inside it or near it


class AssignSettings(Strict):
    """Limits of the assignment. The paper gives none of them."""

    # Subtitles are shown a little early or late, and a diarizer trims soft onsets and tails: half
    # a second covers both. Further away the nearest speaker is a guess.
    max_gap_s: Seconds = 0.5
    # Neighbouring lines of a drama overlap by a few tenths in three or four seconds, about a
    # tenth of the sentence. A fifth is more than that and is somebody's own words.
    straddle_share: Share = 0.2
    # The collar that NIST forgives at each boundary when it scores diarization: less is jitter.
    straddle_min_s: Seconds = 0.25
    # The same tenth as above: less is an ordinary change of speakers.
    overlapped_share: Share = 0.1


def assign_speakers(
    sentences: Sequence[Sentence],
    turns: Sequence[SpeechTurn],
    settings: AssignSettings | None = None,
) -> tuple[Sentence, ...]:
    """The sentences, in the order given, each with its speaker by the rules of this module.

    ``overlap_ratio`` is the share of the sentence in which its speaker speaks. ``margin`` is that
    share less the runner-up's; 1 where nobody else speaks inside the sentence (so it says how
    clear the choice was, and the ratio how much speech it rests on); 0 for a gap and where there
    is no speaker. Whatever an earlier assignment had left in these fields is replaced.

    Args:
        sentences: in any order; they may overlap each other.
        turns: in any order; turns without length are nobody's speech.
        settings: limits, in seconds and shares; every limit is inclusive (`>=`, for the gap `<=`).

    Raises:
        ValueError: a sentence has no positive length, a turn has a negative one, or a time is not
            a finite number.

    >>> line = Sentence(id="S1", start=10.0, duration=2.0, text="你说什么", confidence=1.0,
    ...                 speaker=None, overlap_ratio=None, margin=None, flags=())
    >>> heard = [SpeechTurn(start=9.0, duration=2.5, speaker="A"),
    ...          SpeechTurn(start=11.5, duration=4.0, speaker="B")]
    >>> (found,) = assign_speakers([line], heard)
    >>> found.speaker, found.overlap_ratio, found.margin, found.flags
    ('A', 0.75, 0.5, ('straddles',))
    """
    starts, ends = spans(sentences)
    if not (ends > starts).all():
        wrong = sentences[int(np.argmin(ends > starts))]
        raise ValueError(f"sentence {wrong.id} has no length: {wrong.duration!r} s")
    return tuple(with_columns(sentences, **vars(assign(starts, ends, turns, settings))))


@dataclass(frozen=True)
class Assignments:
    """What was decided for each sentence, by column; the fields are those of `Sentence`."""

    speaker: list[str | None]
    overlap_ratio: list[float]
    margin: list[float]
    flags: list[tuple[str, ...]]


def assign(
    starts: Microseconds,
    ends: Microseconds,
    turns: Sequence[SpeechTurn],
    settings: AssignSettings | None = None,
) -> Assignments:
    """The same for sentences that are columns already: their starts and ends, microseconds.

    Raises:
        ValueError: a sentence has no positive length, a turn has a negative one, or a turn's time
            is not a finite number.

    >>> turns = [SpeechTurn(start=1.0, duration=2.0, speaker="A")]
    >>> assign(np.array([0, 9_000_000]), np.array([2_000_000, 9_500_000]), turns).speaker
    ['A', None]
    """
    settings = settings or AssignSettings()
    lengths = ends - starts
    if not (lengths > 0).all():
        raise ValueError(f"sentence number {int(np.argmin(lengths > 0))} has no length")
    speech = Speech.of(turns)
    choice = _by_overlap(starts, ends, speech)
    silent = np.flatnonzero(choice.best == 0)
    gap, gap_tie = _by_distance(starts[silent], ends[silent], speech, settings)
    choice.speaker[silent] = gap

    alone = speech.anyone.inside(starts, ends) - choice.best  # time of others alone
    straddles = _is_share(alone, lengths, settings.straddle_share) & (
        alone >= to_microseconds(settings.straddle_min_s)
    )
    overlapped = _is_share(speech.several.inside(starts, ends), lengths, settings.overlapped_share)
    tie = (choice.best == choice.second) & (choice.best > 0)
    margins = np.where(
        (choice.second == 0) & (choice.best > 0), 1.0, (choice.best - choice.second) / lengths
    )
    bits = tie * 1 + straddles * 2 + overlapped * 4
    bits[silent] = gap_tie * 1 + np.where(gap >= 0, 8, 16)
    labels = np.fromiter((*speech.labels, None), np.object_)  # index -1 is nobody
    return Assignments(
        speaker=labels[choice.speaker].tolist(),
        overlap_ratio=(choice.best / lengths).tolist(),
        margin=margins.tolist(),
        flags=_FLAGS[bits].tolist(),
    )


# Every combination of flags by its bits, so that sentences share their tuples.
_FLAGS = np.fromiter(
    (
        tuple(flag.value for number, flag in enumerate(Flag) if bits >> number & 1)
        for bits in range(1 << len(Flag))
    ),
    np.object_,
)


def _is_share(times: Microseconds, lengths: Microseconds, share: float) -> NDArray[np.bool_]:
    """Where a time, other than none, is at least the share of a length; exact to a millionth."""
    return (times > 0) & (times * 1_000_000 >= lengths * round(share * 1e6))


@dataclass(frozen=True)
class _Choice:
    """The best speaker of each sentence (index; -1 for none) and the two largest overlaps."""

    speaker: NDArray[np.int64]
    best: Microseconds
    second: Microseconds


def _by_overlap(starts: Microseconds, ends: Microseconds, speech: Speech) -> _Choice:
    speaker = np.full(len(starts), -1, dtype=np.int64)
    best, second = np.zeros_like(starts), np.zeros_like(starts)
    best_first = np.full(len(starts), NEVER)
    for number, turns in enumerate(speech.speakers):
        said = turns.touched(starts, ends)  # the sentences in which this speaker is heard: a few
        overlap, first = turns.inside_and_first(starts[said], ends[said])
        before = best[said]
        wins = (overlap > before) | ((overlap == before) & (first < best_first[said]))
        # Who wins has no less than the best, who does not no more: no need to tell them apart.
        second[said] = np.maximum(second[said], np.minimum(before, overlap))
        best[said] = np.maximum(before, overlap)
        won = said[wins]
        best_first[won] = first[wins]
        speaker[won] = number
    return _Choice(speaker, best, second)


def _by_distance(
    starts: Microseconds, ends: Microseconds, speech: Speech, settings: AssignSettings
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For sentences in silence: the speaker nearest by boundary, -1 beyond the limit; ties."""
    speaker = np.full(len(starts), -1, dtype=np.int64)
    tie = np.zeros(len(starts), dtype=np.bool_)
    if not len(starts):
        return speaker, tie
    nearest = np.full(len(starts), to_microseconds(settings.max_gap_s) + 1)
    nearest_begin = np.full(len(starts), NEVER)
    for number, turns in enumerate(speech.speakers):
        for distance, begin in _neighbours(starts, ends, turns):
            same = (distance == nearest) & (speaker >= 0)
            wins = (distance < nearest) | (same & (begin < nearest_begin))
            # A speaker's own two turns, before and after, at one distance are no tie.
            tie = np.where(distance < nearest, False, tie | (same & (speaker != number)))
            nearest = np.where(wins, distance, nearest)
            nearest_begin = np.where(wins, begin, nearest_begin)
            speaker[wins] = number
    return speaker, tie


def _neighbours(
    starts: Microseconds, ends: Microseconds, turns: Stretches
) -> Iterator[tuple[Microseconds, Microseconds]]:
    """(distance, start) of the speaker's turn before, then after, each span without speech."""
    after = turns.ended(starts)
    known = after > 0
    before = np.maximum(after - 1, 0)
    if len(turns.ends):
        distance = np.where(known, starts - turns.ends[before], NEVER)
        yield distance, np.where(known, turns.starts[before], NEVER)
    yield turns.starts[after] - ends, turns.starts[after]
