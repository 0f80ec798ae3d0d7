"""Transcripts -> which recordings say nearly the same: re-uploads, excerpts, compilations.

A transcript becomes the set of its character shingles, of which a fixed part is kept: those whose
hash is below 2^64 / scale (the FracMinHash sketch, Irber et al. 2022). Unlike plain MinHash, which
gives the Jaccard index only, two such sketches also give the *containment*: the share of the
shorter text that is in the longer one. An excerpt of a whole episode has a containment near 1 and a
Jaccard index near 0.

`similar_pairs` is sub-quadratic: it sorts all (hash, recording) entries and looks only at
recordings that share hashes. `crossing_pairs` misses no pair between two sides: the certificate
rests on it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.facts import Hashes, no_hashes

# Recordings that may share a hash before they are no longer compared all with all: a line that
# many of them have is a stock phrase. They are still compared along a chain, so that a text that
# was uploaded a hundred times, all of whose hashes are so common, is found.
_COMMON = 8
# Of the hashes that make two recordings near duplicates, this share must not be stock phrases.
_RARE_SHARE = 0.1
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class SimilarPair:
    """Two recordings, ids in order, and the share of the shorter text that both have."""

    one: str
    other: str
    containment: float


def normal_text(text: str) -> str:
    """Letters, digits and marks in one form: NFKC, case folded, all else taken out.

    Traditional and simplified characters are left as they are, and so stay different.

    >>> normal_text("《春风小巷》 第１集 (HD)")
    '春风小巷第1集hd'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Folding the case can leave a composable pair behind.
    folded = unicodedata.normalize("NFKC", folded)
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNM")


def sketch(sentences: Iterable[str], shingle_characters: int, scale: int) -> Hashes:
    """The sorted hashes of a transcript's shingles that fall into the sketch.

    Sentence boundaries are ignored: two uploads may be cut up differently. The hash is our own and
    the same on every machine.

    Args:
        sentences: the transcript in order.
        shingle_characters: length of a shingle, after `normal_text`.
        scale: one shingle in so many is kept, on average; 1 keeps all.

    >>> len(sketch(["你说什么", "租店面的钱"], shingle_characters=6, scale=1))
    4
    """
    text = normal_text("".join(sentences))
    # UTF-32 has one code unit a character.
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    count = len(codes) - shingle_characters + 1
    if count < 1:
        return no_hashes()
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(shingle_characters):  # wraps modulo 2^64, as it should
        hashes = _mixed((hashes + codes[offset : offset + count] + np.uint64(1)) * _ODD)
    kept: Hashes = np.unique(hashes[hashes <= np.uint64((2**64 - 1) // scale)])
    return kept


def _mixed(hashes: Hashes) -> Hashes:
    """The finaliser of splitmix64: every bit of the input moves every bit of the output."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * _MIX[0]
    hashes = (hashes ^ (hashes >> np.uint64(27))) * _MIX[1]
    mixed: Hashes = hashes ^ (hashes >> np.uint64(31))
    return mixed


def similar_pairs(
    ids: Sequence[str], sketches: Sequence[Hashes], threshold: float, min_hashes: int
) -> tuple[list[SimilarPair], int]:
    """Recordings whose containment is at least ``threshold`` (`>=`), and how many were compared.

    A pair that has little in common but stock phrases is not compared here; `crossing_pairs`
    compares it. Sketches of fewer than ``min_hashes`` say too little and are not compared.
    The order of the recordings does not matter.

    >>> texts = [np.arange(9, dtype=np.uint64), np.arange(6, 20, dtype=np.uint64)]
    >>> similar_pairs(["B", "A"], texts, threshold=0.3, min_hashes=1)
    ([SimilarPair(one='A', other='B', containment=0.3333333333333333)], 1)
    """
    order = sorted(
        (i for i in range(len(ids)) if len(sketches[i]) >= min_hashes), key=lambda i: ids[i]
    )
    sizes = np.array([len(sketches[i]) for i in order], dtype=np.int64)
    pairs, shared = _sharing([sketches[i] for i in order])
    needed = threshold * np.minimum(sizes[pairs[:, 0]], sizes[pairs[:, 1]])
    candidates = pairs[shared >= needed * _RARE_SHARE]
    found = []
    for one, other in candidates.tolist():
        share = containment(sketches[order[one]], sketches[order[other]])
        if share >= threshold:
            found.append(SimilarPair(ids[order[one]], ids[order[other]], share))
    return found, len(candidates)


def crossing_pairs(
    one_side: Sequence[tuple[str, Hashes]],
    other_side: Iterable[tuple[str, Hashes]],
    threshold: float,
    min_hashes: int,
) -> tuple[list[SimilarPair], int]:
    """All pairs across two sides with at least the containment, and how many were compared.

    Every pair is compared, through an index of the first side: give the smaller side first.

    >>> small = [("A", np.arange(9, dtype=np.uint64))]
    >>> crossing_pairs(small, [("B", np.arange(6, 20, dtype=np.uint64))], 0.5, min_hashes=1)
    ([], 1)
    """
    indexed = [(name, hashes) for name, hashes in one_side if len(hashes) >= min_hashes]
    lengths = np.array([len(hashes) for _, hashes in indexed], dtype=np.int64)
    entries = np.concatenate([no_hashes(), *(hashes for _, hashes in indexed)])
    owners = np.repeat(np.arange(len(indexed)), lengths)
    order = np.argsort(entries, kind="stable")
    entries, owners = entries[order], owners[order]
    found, compared = [], 0
    for name, hashes in other_side:
        if len(hashes) < min_hashes:
            continue
        compared += len(indexed)
        first = np.searchsorted(entries, hashes, side="left")
        last = np.searchsorted(entries, hashes, side="right")
        shared = np.zeros(len(indexed), dtype=np.int64)
        if (last > first).any():
            hits = np.concatenate(
                [owners[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True) if b > a]
            )
            shared = np.bincount(hits, minlength=len(indexed))
        shares = shared / np.minimum(lengths, len(hashes))
        for index in np.flatnonzero(shares >= threshold).tolist():
            one, other = sorted((indexed[index][0], name))
            found.append(SimilarPair(one, other, float(shares[index])))
    return sorted(found, key=lambda pair: (pair.one, pair.other)), compared


def containment(one: Hashes, other: Hashes) -> float:
    """Share of the smaller set that is in the larger; 0 where either is empty.

    >>> containment(np.arange(4, dtype=np.uint64), np.arange(2, 20, dtype=np.uint64))
    0.5
    """
    smaller = min(len(one), len(other))
    return len(np.intersect1d(one, other, assume_unique=True)) / smaller if smaller else 0.0


def _sharing(sketches: Sequence[Hashes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (lower, higher) of indices that share a hash, each once, and how many they share.

    Hashes that more than `_COMMON` of them have count for neighbours in the order only.
    """
    entries = np.concatenate([no_hashes(), *sketches])
    owners = np.repeat(np.arange(len(sketches)), [len(one) for one in sketches])
    order = np.argsort(entries, kind="stable")  # owners rise within one hash
    entries, owners = entries[order], owners[order]
    begins = np.flatnonzero(np.concatenate([[True], entries[1:] != entries[:-1]]))[: len(entries)]
    sizes = np.diff(np.append(begins, len(entries)))
    rare = np.repeat(sizes <= _COMMON, sizes)
    keys = [np.empty(0, dtype=np.int64)]
    for step in range(1, _COMMON):
        left = np.flatnonzero(entries[:-step] == entries[step:])
        if step > 1:
            left = left[rare[left]]
        keys.append(owners[left] * len(sketches) + owners[left + step])
    unique, counts = np.unique(np.concatenate(keys), return_counts=True)
    return np.stack(np.divmod(unique, max(len(sketches), 1)), axis=1), counts
