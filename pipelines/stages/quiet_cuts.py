"""A recording as a stream -> chunks of bounded length, cut where it is quietest.

A diarizer hears one chunk at a time. A cut in the middle of a line would split it, so the cut is
put where the sound is quietest in the last quarter of a chunk, at most half a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

_SEARCH_S = 30.0  # at the end of a chunk
_SEARCH_SHARE = 0.25  # of a chunk, where that is less
_QUIET_S = 1.0  # a cut is in the middle of the quietest stretch of this length
_STEPS = 20  # places of that stretch a second

Mono = NDArray[np.float32]  # [frames], -1 to 1


def cut_at_quiet(
    blocks: Iterable[Mono], sample_rate_hz: int, chunk_s: float
) -> Iterator[tuple[int, Mono]]:
    """(first sample, samples) of each chunk; together they are the recording.

    Memory is that of two chunks and a block. No chunk is longer than ``chunk_s``, but for the last,
    which may be longer by the stretch that was searched: nothing is cut off to stand alone at the
    end that would be shorter than that.

    Args:
        blocks: the recording in pieces of any length.
        sample_rate_hz: of the samples.
        chunk_s: seconds.
    """
    length = max(round(chunk_s * sample_rate_hz), 1)
    search = round(min(_SEARCH_S, _SEARCH_SHARE * chunk_s) * sample_rate_hz)
    begin = size = 0
    room = np.empty(length + search, np.float32)
    for block in blocks:
        left = block
        while size + len(left) > len(room):
            fits = len(room) - size
            room[size:], left = left[:fits], left[fits:]
            cut = length - search + quietest(room[length - search : length], sample_rate_hz)
            yield begin, room[:cut]
            # Another one: who asked may still hold the chunk, and nothing else holds the old one.
            rest = room[cut:]
            begin, size, room = begin + cut, len(rest), np.empty_like(room)
            room[:size] = rest
            del rest
        room[size : size + len(left)] = left
        size += len(left)
    if size:
        yield begin, room[:size]


def quietest(samples: Mono, sample_rate_hz: int) -> int:
    """The middle of the quietest second, as a place in the samples; of equals the middle one.

    The whole is too short for a second: its own middle.

    >>> sound = np.ones(40_000, np.float32)
    >>> sound[15_000:31_000] = 0
    >>> quietest(sound, 8_000)
    23200
    """
    step = max(sample_rate_hz // _STEPS, 1)
    width = round(_QUIET_S * _STEPS)
    steps = len(samples) // step
    if steps < width:
        return len(samples) // 2
    energies = np.square(samples[: steps * step].astype(np.float64)).reshape(steps, step).sum(1)
    sums = np.concatenate([[0.0], np.cumsum(energies)])
    loudness = sums[width:] - sums[:-width]
    # What is silent but for the rounding of the sums is silent.
    equals = np.flatnonzero(loudness <= loudness.min() + 1e-9 * max(sums[-1], 1e-9))
    return int(equals[len(equals) // 2]) * step + width * step // 2
