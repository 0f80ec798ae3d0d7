"""Sentences of an episode -> its script as a chat model reads it, in pieces where it is long.

A script is the list of segments ``{"text", "speaker_id"}`` of MCLP A.3, in order. Sentences that
nobody is known to speak are in it, with ``null``: they are part of the story. Its length is that of
its JSON, in characters.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from pipelines.stages.microseconds import spans
from schemas.episode import Sentence

Segment: TypeAlias = dict[str, str | None]

MIN_PIECE = 200  # characters: a segment's keys and label take up to 60
_SLACK = 0.25  # of a piece's even share: how far a cut may move to find a silence


def split_script(sentences: Sequence[Sentence], max_characters: int) -> list[tuple[Sentence, ...]]:
    """Cuts a script into few pieces of about equal length, at long silences.

    A cut is made at the longest silence near the place where equal pieces would be cut: within a
    quarter of a piece to both sides, as far as the limit allows. Of equal ones the first counts.

    Args:
        sentences: of one episode, in order.
        max_characters: the longest piece, at least ``MIN_PIECE``. A sentence that is longer by
            itself is a piece of its own, and cut short in :func:`segments`.

    Raises:
        ValueError: the limit is too low.

    >>> lines = [Sentence(id=f"S{at}", start=at, duration=2.0, text="好" * 40, confidence=1.0,
    ...                   speaker="A", overlap_ratio=None, margin=None, flags=())
    ...          for at in (0.0, 2.5, 5.0, 12.0, 14.5, 17.0)]
    >>> [len(piece) for piece in split_script(lines, 400)]
    [3, 3]
    """
    if max_characters < MIN_PIECE:
        raise ValueError(f"a piece of a script has at least {MIN_PIECE} characters")
    sizes = np.array([_size(_segment(sentence)) for sentence in sentences], dtype=np.int64)
    sizes = np.minimum(sizes, max_characters)
    starts, ends = spans(sentences)
    silences = np.empty(len(sizes), dtype=np.int64)  # before each sentence
    silences[:1] = 0
    silences[1:] = starts[1:] - np.maximum.accumulate(ends)[:-1]
    upto = np.concatenate([[0], np.cumsum(sizes)])  # length of all before each sentence
    pieces, first = [], 0
    while first < len(sizes):
        stop = _cut(upto, silences, first, max_characters)
        pieces.append(tuple(sentences[first:stop]))
        first = stop
    return pieces


def _cut(
    upto: np.ndarray[tuple[int], np.dtype[np.int64]],
    silences: np.ndarray[tuple[int], np.dtype[np.int64]],
    first: int,
    limit: int,
) -> int:
    """The sentence before which the piece that begins with ``first`` ends."""
    done, left = int(upto[first]), int(upto[-1] - upto[first])
    if left <= limit:
        return len(silences)
    pieces = -(-left // limit)
    even = left / pieces
    # No earlier than where the rest still fits into one piece less; no later than the limit.
    low = max(done + (1 - _SLACK) * even, done + left - (pieces - 1) * limit)
    high = min(done + (1 + _SLACK) * even, done + limit)
    farthest = int(np.searchsorted(upto, done + limit, side="right")) - 1
    near = np.arange(first + 1, farthest + 1)
    near = near[(upto[near] >= low) & (upto[near] <= high)]
    return int(near[np.argmax(silences[near])]) if len(near) else farthest


def segments(piece: Sequence[Sentence], max_characters: int) -> list[Segment]:
    """A piece as it is sent; the text of a single sentence that is too long is cut short."""
    found = [_segment(sentence) for sentence in piece]
    if len(found) == 1:
        (only,) = found
        while (excess := _size(only) - max_characters) > 0 and only["text"]:
            only["text"] = only["text"][: -max(1, excess // 6)]  # one takes up to six in JSON
    return found


def speakers_of(sentences: Sequence[Sentence]) -> list[str]:
    """Everybody who speaks, in order of first appearance."""
    return list(dict.fromkeys(s.speaker for s in sentences if s.speaker is not None))


def fullest_pieces(pieces: Sequence[Sequence[Sentence]]) -> dict[str, int]:
    """For each speaker the piece with most of their text; of equal ones the first."""
    best: dict[str, tuple[int, int]] = {}
    for number, piece in enumerate(pieces):
        said: Counter[str] = Counter()
        for sentence in piece:
            if sentence.speaker is not None:
                said[sentence.speaker] += len(sentence.text)
        for speaker, characters in said.items():
            if speaker not in best or characters > best[speaker][0]:
                best[speaker] = (characters, number)
    return {speaker: number for speaker, (_, number) in best.items()}


def _segment(sentence: Sentence) -> Segment:
    return {"text": " ".join(sentence.text.split()), "speaker_id": sentence.speaker}


def _size(segment: Segment) -> int:
    """Characters of JSON, with the separator after it."""
    return len(json.dumps(segment, ensure_ascii=False)) + 2
