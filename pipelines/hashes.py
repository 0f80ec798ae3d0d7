"""Hashes of strings, words and sequences of words, for a whole column at once.

Equal ones have equal hashes in every process and on every machine. A hash is a polynomial modulo
2**64 whose bits are then mixed. That is no protection against somebody who looks for collisions;
nobody gains by one here: who brings two ids that collide loses a row that was theirs to leave out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.arrays import utf8_of
from schemas.facts import Hashes

Places = NDArray[np.signedinteger[Any]]
_CHARACTER_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd: its powers do not vanish modulo 2**64
_WORD_BASE = np.uint64(0xD1B54A32D192ED03)
_BYTE_BASE = np.uint64(0xF1357AEA2E62A9C5)
_OPENING_SALT = np.uint64(0xA24BAED4963EE407)  # an opening never equals a whole wording


def hash_strings(column: pa.StringArray | pa.ChunkedArray) -> Hashes:
    """One hash for each row of a column, of its UTF-8.

    Raises:
        ValueError: a row is null.

    >>> from schemas.arrays import strings
    >>> hashes = hash_strings(strings(["ann", "bob", "", "ann"])).tolist()
    >>> hashes[0] == hashes[3], len(set(hashes))
    (True, 3)
    """
    if column.null_count:
        raise ValueError(f"{column.null_count} of {len(column)} strings are null")
    data, edges = utf8_of(column)
    terms = data.astype(np.uint16) + 1  # no byte adds nothing, so the length counts
    return _mix(_polynomial(terms, edges[:-1], _BYTE_BASE))


def hash_words(folded: NDArray[np.uint8] | NDArray[np.uint32], starts: Places) -> Hashes:
    """One hash for each word.

    Args:
        folded: characters of all words; those between words are zeros, so that they add nothing
            to the sum over a word and what follows it.
        starts: where each word begins, in order.
    """
    return _mix(_polynomial(folded, starts, _CHARACTER_BASE))


def hash_wordings(words: Hashes, firsts: Places, *, opening: bool = False) -> Hashes:
    """One hash for each sequence of words.

    Args:
        words: hashes of the words of all sequences, none between them.
        firsts: where each sequence begins, in order; none is empty.
        opening: whether these are openings, whose hashes differ from those of whole wordings.
    """
    return _mix(_polynomial(words ^ _OPENING_SALT if opening else words, firsts, _WORD_BASE))


def _polynomial(
    terms: NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32] | Hashes,
    starts: Places,
    base: np.uint64,
) -> Hashes:
    """The sum of ``terms[start + i] * base**i`` from each start to the next, modulo 2**64.

    Taken as a difference of one running sum, divided by ``base**start``: an odd number has an
    inverse modulo 2**64.
    """
    size = 1 << len(terms).bit_length()
    running = np.zeros(len(terms) + 1, dtype=np.uint64)
    np.cumsum(terms * _powers(base, size, 1)[: len(terms)], out=running[1:])
    sums: Hashes = np.diff(running[starts], append=running[-1:])
    sums *= _powers(base, size, -1)[starts]
    return sums


@lru_cache(maxsize=64)
def _powers(base: np.uint64, count: int, exponent: int) -> Hashes:
    """``base ** (exponent * i)`` for i from 0, modulo 2**64; exponent is 1 or -1."""
    factors = np.full(count, pow(int(base), exponent, 1 << 64), dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


def _mix(hashes: Hashes) -> Hashes:
    """Spreads the bits (the finaliser of splitmix64); a bijection."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
