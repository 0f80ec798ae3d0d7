"""Ids that two parts share: found by hash, confirmed by name, the first part keeps its row.

Inside one part the reader itself sees a repeated id. Across parts nobody does, and corpora do
come with a shard twice. Every part therefore emits the 64-bit hashes of its ids in buckets; a
bucket that holds a hash twice names the parts to look at; only those are written again. Eight
bytes an utterance travel, and no worker sees more than one bucket (1/256 of the ids) at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from schemas.facts import Hashes

BUCKETS = 256


def bucket_hashes(hashes: Hashes) -> Iterator[tuple[int, Hashes]]:
    """Splits hashes by their top byte: (bucket, its hashes), empty buckets left out."""
    ordered = np.sort(hashes)
    edges = np.searchsorted(ordered >> np.uint64(56), np.arange(BUCKETS + 1, dtype=np.uint64))
    for bucket in range(BUCKETS):
        chosen = ordered[edges[bucket] : edges[bucket + 1]]
        if len(chosen):
            yield bucket, chosen


def repeated_hashes(bucket: Iterable[tuple[int, Hashes]]) -> dict[int, Hashes]:
    """Part index -> hashes of it that a part of lower index has, too.

    >>> one, other = np.array([3, 5], dtype=np.uint64), np.array([5, 9], dtype=np.uint64)
    >>> repeated_hashes([(1, other), (0, one)])
    {1: array([5], dtype=uint64)}
    """
    by_part: dict[int, list[Hashes]] = {}
    for part, hashes in bucket:
        by_part.setdefault(part, []).append(hashes)
    parts: NDArray[np.int64] = np.concatenate(
        [np.full(sum(map(len, arrays)), part) for part, arrays in by_part.items()]
    )
    hashes = np.concatenate([array for arrays in by_part.values() for array in arrays])
    order = np.lexsort((parts, hashes))
    hashes, parts = hashes[order], parts[order]
    again = np.concatenate([[False], hashes[1:] == hashes[:-1]])
    return {int(part): hashes[again & (parts == part)] for part in np.unique(parts[again])}
