"""Which wordings and openings a corpus overuses, and which of their rows stay.

A wording is overused when more than ``max_same`` descriptions have it, an opening when more than
``max_opening_share`` of all descriptions begin with it; in both cases there must be at least
``min_repeats`` of them. Of an overused one as many rows stay as are allowed, so that one row more
costs one row and not all: those whose ids hash lowest. That is a sample which favours no speaker
and depends neither on the order of the rows nor on the number of workers.

Counting runs in bounded memory. First every description increments one cell of a table of fixed
size, chosen by its hash. A cell that stays low cannot hold an overused hash; only the rows of the
high ones are then counted exactly. Too small a table costs memory, never a wrong count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.hashes import hash_strings
from pipelines.stages.settings import SelectSettings
from pipelines.stages.wording import measure_column
from schemas.arrays import from_numpy, strings
from schemas.facts import Hashes, no_hashes

MAX_CELLS = 1 << 24  # 64 MiB; up to some 10^8 descriptions few rows are counted twice
Cells = NDArray[np.uint32]


@dataclass(frozen=True, kw_only=True)
class Overused:
    """The overused wordings and openings of a corpus, sorted by hash."""

    hashes: Hashes = field(default_factory=no_hashes)
    counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    allowed: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    first_out: Hashes = field(default_factory=no_hashes)  # lowest id hash that does not stay

    def among(self, hashes: Hashes) -> NDArray[np.intp]:
        """The rows whose hash is overused, whether they are too many of it or not."""
        if not len(self.hashes):
            return np.empty(0, dtype=np.intp)
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.flatnonzero(self.hashes[at] == hashes)

    def find(self, hashes: Hashes, ids: Hashes) -> NDArray[np.int64]:
        """For each row the index of the entry that it is too many of; -1 for none.

        >>> one = Overused(hashes=np.array([7], np.uint64), counts=np.array([3]),
        ...     allowed=np.array([2]), first_out=np.array([50], np.uint64))
        >>> one.find(np.array([7, 7, 8], np.uint64), np.array([49, 50, 99], np.uint64)).tolist()
        [-1, 0, -1]
        """
        if not len(self.hashes):
            return np.full(len(hashes), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        out = (self.hashes[at] == hashes) & (ids >= self.first_out[at])
        return np.where(out, at, -1)


@dataclass(frozen=True, kw_only=True)
class Described:
    """The descriptions that the counts are taken of: those of a kept value, with a word."""

    rows: pa.Table
    whole: Hashes
    opening: Hashes  # 0 where there is none

    @property
    def ids(self) -> Hashes:
        """The hashes of their ids."""
        return hash_strings(self.rows.column("id"))


def described(chunk: pa.Table, settings: SelectSettings) -> Described:
    """The descriptions of a chunk; its columns ``instruction`` and ``value`` are read.

    Rows that go for their value do not count: they are not there to be templates.
    """
    kept = pc.is_in(chunk.column("value"), value_set=strings(settings.keep_values))
    chunk = chunk.filter(pc.and_(kept, chunk.column("instruction").is_valid()))
    column = chunk.column("instruction").combine_chunks()
    wordings = measure_column(column, settings.opening_words)
    worded = wordings.words > 0
    return Described(
        rows=chunk.filter(from_numpy(worded)),
        whole=wordings.whole[worded],
        opening=wordings.opening[worded],
    )


def cells_for(rows: int) -> int:
    """Cells of the table for so many rows: a power of two, about two a description."""
    return min(MAX_CELLS, 1 << max(12, (4 * rows).bit_length()))


def count_cells(hashes: Hashes, cells: int) -> tuple[Cells, Cells]:
    """(cell, how many of the hashes fall into it), for the cells that get any; 0 is no hash."""
    places = (hashes[hashes != 0] % np.uint64(cells)).astype(np.uint32)
    found, counts = np.unique(places, return_counts=True)
    return found, counts.astype(np.uint32)


def may_be_overused(hashes: Hashes, table: Cells, at_least: int) -> NDArray[np.bool_]:
    """Whether a hash may occur ``at_least`` times, going by the table; 0 is no hash."""
    high: NDArray[np.bool_] = table[hashes % np.uint64(len(table))] >= at_least
    high &= hashes != 0
    return high


def overused(hashes: Hashes, ids: Hashes, allowed: int) -> Overused:
    """The overused among ``hashes``, one entry a row, with the ids' hashes beside them.

    Args:
        hashes: all occurrences of each hash, in any order.
        ids: the hash of each occurrence's row id.
        allowed: occurrences that may stay; overused is what has more (``>``).

    >>> hashes, ids = np.array([7, 7, 9, 7], np.uint64), np.array([30, 10, 5, 20], np.uint64)
    >>> found = overused(hashes, ids, allowed=2)
    >>> found.hashes.tolist(), found.counts.tolist(), found.first_out.tolist()
    ([7], [3], [30])
    """
    order = np.lexsort((ids, hashes))
    hashes, ids = hashes[order], ids[order]
    starts = np.flatnonzero(np.concatenate([[len(hashes) > 0], hashes[1:] != hashes[:-1]]))
    counts = np.diff(starts, append=len(hashes))
    too_many = counts > allowed
    starts, counts = starts[too_many], counts[too_many]
    return Overused(
        hashes=hashes[starts],
        counts=counts,
        allowed=np.full(len(starts), allowed, dtype=np.int64),
        first_out=ids[starts + allowed],
    )


def merge(parts: list[Overused]) -> Overused:
    """Entries of disjoint sets of hashes as one sorted set."""
    if not parts:
        return Overused()
    hashes = np.concatenate([part.hashes for part in parts])
    order = np.argsort(hashes)
    return Overused(
        hashes=hashes[order],
        counts=np.concatenate([part.counts for part in parts])[order],
        allowed=np.concatenate([part.allowed for part in parts])[order],
        first_out=np.concatenate([part.first_out for part in parts])[order],
    )
