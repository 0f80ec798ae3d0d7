"""Speakers of the chunks of one recording -> speakers of the recording.

A long recording is diarized chunk by chunk, and each chunk names its speakers as it likes. Here
they are linked by their voices:

1. Two speakers are as far apart as the cosine distance of their voices; two groups of them as the
   average over all pairs, each pair weighted with the seconds that both speak (average link).
2. The two groups that are nearest are joined, again and again, while they are at most
   ``max_distance`` apart.
3. Two speakers of one chunk are never joined, nor groups that hold two of one chunk. Whoever
   diarized the chunk heard both at once and told them apart, on more than one vector each; a third
   chunk's speaker who is like both does not outweigh that.
4. Who has no voice (spoke too little for one) stays alone.

What comes out does not depend on the order of what goes in: of pairs that are equally near, the one
whose members come first by chunk and label is joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NEVER = np.inf
_LEAST_S = 1e-6  # a weight must not be 0


@dataclass(frozen=True, eq=False)
class ChunkSpeaker:
    """One speaker of one chunk."""

    chunk: int  # number of the chunk in the recording
    label: str  # in that chunk
    seconds: float  # of speech in the chunk
    voice: NDArray[np.float32] | None  # of length 1; None where there is no usable one


def link_speakers(speakers: Sequence[ChunkSpeaker], max_distance: float) -> list[int]:
    """The group of each speaker, in the order given; groups are numbered from 0.

    Groups are numbered by their first member by chunk and label.

    Args:
        speakers: of one recording, each (chunk, label) once.
        max_distance: cosine distance, 0 to 2; groups exactly so far apart are joined (`<=`).

    Raises:
        ValueError: a (chunk, label) comes twice, or a voice is not a finite vector of length 1.

    >>> north, east = np.array([0.0, 1.0], np.float32), np.array([1.0, 0.0], np.float32)
    >>> link_speakers([ChunkSpeaker(0, "a", 9.0, north), ChunkSpeaker(0, "b", 9.0, east),
    ...                ChunkSpeaker(1, "a", 9.0, east)], max_distance=0.4)
    [0, 1, 1]
    """
    order = sorted(range(len(speakers)), key=lambda i: (speakers[i].chunk, speakers[i].label))
    ranked = [speakers[i] for i in order]
    _check(ranked)
    group_of = np.arange(len(ranked))
    if len(ranked) > 1:
        _join_all(ranked, max_distance, group_of)
    _, first, numbers = np.unique(group_of, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    groups = [0] * len(speakers)
    for place, number in zip(order, numbers.tolist(), strict=True):
        groups[place] = int(rank[number])
    return groups


def _join_all(
    speakers: Sequence[ChunkSpeaker], max_distance: float, group_of: NDArray[np.int64]
) -> None:
    """Joins groups in ``group_of``; each is named by its first member."""
    size = max(0 if one.voice is None else len(one.voice) for one in speakers)
    sums = np.zeros((len(speakers), size))  # of voices, each times its seconds
    weights = np.zeros(len(speakers))
    for number, speaker in enumerate(speakers):
        if speaker.voice is not None:
            weights[number] = max(speaker.seconds, _LEAST_S)
            sums[number] = speaker.voice.astype(np.float64) * weights[number]
    chunks = np.array([one.chunk for one in speakers])
    members = [frozenset([int(chunk)]) for chunk in chunks]  # the chunks of each group
    apart = _distances(sums, weights, sums, weights)
    apart[chunks[:, None] == chunks[None, :]] = _NEVER
    while True:
        one, other = divmod(int(apart.argmin()), len(speakers))
        if not apart[one, other] <= max_distance:
            return
        one, other = min(one, other), max(one, other)
        group_of[group_of == other] = one
        sums[one] += sums[other]
        weights[one] += weights[other]
        members[one] |= members[other]
        apart[other], apart[:, other] = _NEVER, _NEVER
        gone = apart[one] == _NEVER  # who may not be joined, and who is no group any more
        row = _distances(sums[one : one + 1], weights[one : one + 1], sums, weights)[0]
        row[gone] = _NEVER
        row[[bool(members[one] & group) for group in members]] = _NEVER
        apart[one], apart[:, one] = row, row


def _distances(
    sums: NDArray[np.float64],
    weights: NDArray[np.float64],
    other_sums: NDArray[np.float64],
    other_weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Average cosine distance of all pairs of two groups' members, for all pairs of groups.

    Of vectors of length 1 that average is one minus the product of the groups' weighted means.
    """
    pairs = weights[:, None] * other_weights[None, :]
    known = pairs > 0
    found = np.full(pairs.shape, _NEVER)
    # Rounded, so that what is equal but for the order of a sum is equal.
    found[known] = np.round(1 - (sums @ other_sums.T)[known] / pairs[known], 9)
    return found


def _check(speakers: Sequence[ChunkSpeaker]) -> None:
    for one, after in zip(speakers, speakers[1:], strict=False):
        if (one.chunk, one.label) == (after.chunk, after.label):
            raise ValueError(f"speaker {one.label!r} of chunk {one.chunk} comes twice")
    for one in speakers:
        if one.voice is not None and not abs(float(np.linalg.norm(one.voice)) - 1) < 1e-3:
            raise ValueError(f"speaker {one.label!r} of chunk {one.chunk}: voice not of length 1")
