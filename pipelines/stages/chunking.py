"""A long recording through a model that takes short pieces: cut with an overlap, fade, join.

Chunk k begins at ``k * hop`` and is ``hop + overlap`` long; the last one ends with the recording.
Where two overlap, the one fades out while the other fades in, so that a difference between them is
heard as neither a click nor a seam. The weights of the two add up to one at every sample: what
goes through the model unchanged comes out unchanged, and as long as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from pipelines.sound import Samples


@dataclass(frozen=True, slots=True)
class Chunking:
    """How a recording is cut. In samples."""

    hop: int  # from one chunk's first sample to the next one's
    overlap: int  # of two chunks, at most the hop


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a recording."""

    samples: Samples  # [channels, frames]
    last: bool


def plan_chunks(
    sample_rate_hz: int, grid_frames: int, chunk_s: float, overlap_s: float
) -> Chunking:
    """Chunks of about ``chunk_s`` that begin at multiples of the model's grid.

    >>> plan_chunks(100, grid_frames=8, chunk_s=1.0, overlap_s=0.25)
    Chunking(hop=72, overlap=25)
    """
    steps = max(round((chunk_s - overlap_s) * sample_rate_hz / grid_frames), 1)
    hop = steps * grid_frames
    return Chunking(hop=hop, overlap=min(round(overlap_s * sample_rate_hz), hop))


def cut_chunks(blocks: Iterable[Samples], chunking: Chunking) -> Iterator[Chunk]:
    """The recording in overlapping chunks; one more than ``overlap`` long is always left for last.

    Args:
        blocks: the recording in pieces of any length, [channels, frames].
        chunking: how to cut it.
    """
    length = chunking.hop + chunking.overlap
    held: Samples | None = None
    for block in blocks:
        held = block if held is None else np.concatenate([held, block], axis=1)
        while held.shape[1] > length:
            yield Chunk(held[:, :length], last=False)
            held = held[:, chunking.hop :]
    if held is not None and held.shape[1]:
        yield Chunk(held, last=True)


def join_chunks(chunks: Iterable[Chunk], overlap: int) -> Iterator[Samples]:
    """The recording again, in pieces that follow each other.

    Args:
        chunks: as :func:`cut_chunks` cut them, each as long as it was.
        overlap: of neighbours, in samples.
    """
    rising = ((np.arange(overlap) + 0.5) / max(overlap, 1)).astype(np.float32)
    tail: Samples | None = None
    for chunk in chunks:
        samples = chunk.samples
        if tail is not None:
            faded = tail * (1 - rising) + samples[:, :overlap] * rising
            samples = np.concatenate([faded, samples[:, overlap:]], axis=1)
        if chunk.last:
            yield samples
            return
        end = samples.shape[1] - overlap
        yield samples[:, :end]
        tail = samples[:, end:]
