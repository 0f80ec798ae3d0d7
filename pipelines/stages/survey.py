"""The corpus as a whole, before any row is judged: overused wordings, and who is in the games.

A pass of its own over the columns that matter. The counts are taken as
:mod:`pipelines.stages.overuse` says; what comes back is small (the overused hashes, the names of
the characters) and travels to the workers inside the stage. This module has what becomes of one
chunk and does it for all in this process; :mod:`pipelines.stages.survey_pipeline` is for Beam's
runners.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import pyarrow as pa

from pipelines.stage import CHUNK_ROWS, read_part
from pipelines.stages.overuse import (
    Cells,
    Overused,
    cells_for,
    count_cells,
    described,
    may_be_overused,
    merge,
    overused,
)
from pipelines.stages.settings import SelectSettings
from pipelines.threads import in_order
from schemas.arrays import numbers_of, strings
from schemas.facts import Hashes, no_hashes

Characters = frozenset[tuple[str, str]]  # (game, name)
HELD_ROWS = 2_000_000  # 48 MB of hashes
_NAMED = ("character", "game")
_NO_GAME = strings([""])[0]
_DESCRIBED = ("instruction", "value")


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the row-wise pass must know about the corpus."""

    descriptions: int = 0
    overused: Overused = field(default_factory=Overused)
    characters: Characters = frozenset()

    def to_json(self) -> str:
        """One stable text."""
        columns = {name: column.tolist() for name, column in vars(self.overused).items()}
        return json.dumps(
            {
                "descriptions": self.descriptions,
                "overused": columns,
                "characters": sorted(self.characters),
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Survey:
        """The inverse of :meth:`to_json`."""
        content = json.loads(text)
        found = content["overused"]
        return cls(
            descriptions=content["descriptions"],
            overused=Overused(
                hashes=np.array(found["hashes"], dtype=np.uint64),
                counts=np.array(found["counts"], dtype=np.int64),
                allowed=np.array(found["allowed"], dtype=np.int64),
                first_out=np.array(found["first_out"], dtype=np.uint64),
            ),
            characters=frozenset((game, name) for game, name in content["characters"]),
        )


@dataclass(frozen=True, kw_only=True)
class ChunkHashes:
    """What the survey needs of one chunk: its characters, and one entry a description."""

    characters: Characters
    whole: Hashes = field(default_factory=no_hashes)
    opening: Hashes = field(default_factory=no_hashes)  # 0 where there is none
    ids: Hashes = field(default_factory=no_hashes)  # empty where they were not asked for


@dataclass(frozen=True, kw_only=True)
class ChunkCount:
    """What one chunk adds to the counts."""

    descriptions: int
    cells: Cells  # those that get any hash
    counts: Cells  # how many each of them gets
    characters: Characters


@dataclass(kw_only=True)
class Tally:
    """The counts of many chunks, in one table of fixed size."""

    table: Cells
    descriptions: int = 0
    characters: Characters = frozenset()

    def add(self, chunk: ChunkCount) -> None:
        """Counts one chunk."""
        self.table[chunk.cells] += chunk.counts
        self.descriptions += chunk.descriptions
        self.characters |= chunk.characters

    def merge(self, other: Tally) -> None:
        """Counts what another has counted."""
        np.add(self.table, other.table, out=self.table)
        self.descriptions += other.descriptions
        self.characters |= other.characters


@dataclass(frozen=True, kw_only=True)
class Surveyor:
    """How the parts of a corpus are counted; the same in this process and in Beam's workers.

    Attributes:
        settings: what counts as overuse.
        rows: of the corpus, about; sets the size of the table.
        limit: read only so many rows of each part.
    """

    settings: SelectSettings
    rows: int
    limit: int | None = None

    @property
    def counts_wordings(self) -> bool:
        """Whether anything can be overused: no wording has more rows than there are."""
        return self.rows >= self.settings.min_repeats

    def new_tally(self) -> Tally:
        """Nothing counted yet."""
        return Tally(table=np.zeros(cells_for(self.rows), dtype=np.uint32))

    def hashes(self, path: str, *, ids: bool) -> Iterator[ChunkHashes]:
        """What is needed of one part, chunk by chunk; with the hashes of its ids or without."""
        columns = list(_NAMED)
        if self.counts_wordings:
            columns += [*_DESCRIBED, "id"] if ids else _DESCRIBED
        for chunk in read_part(path, CHUNK_ROWS, self.limit, columns):
            characters = characters_of(chunk)
            if not self.counts_wordings:
                yield ChunkHashes(characters=characters)
                continue
            rows = described(chunk, self.settings)
            yield ChunkHashes(
                characters=characters,
                whole=rows.whole,
                opening=rows.opening,
                ids=rows.ids if ids else no_hashes(),
            )

    def count(self, chunk: ChunkHashes) -> ChunkCount:
        """What one chunk adds to the counts."""
        hashes = np.concatenate([chunk.whole, chunk.opening])
        cells, counts = count_cells(hashes, cells_for(self.rows))
        return ChunkCount(
            descriptions=len(chunk.whole),
            cells=cells,
            counts=counts,
            characters=chunk.characters,
        )

    def suspects(self, chunk: ChunkHashes, tally: Tally) -> Iterator[tuple[bool, Hashes, Hashes]]:
        """What of it may be overused: (is it openings, hashes, the hashes of the rows' ids)."""
        for openings, hashes in ((False, chunk.whole), (True, chunk.opening)):
            allowed = allowed_rows(self.settings, tally.descriptions, openings)
            chosen = may_be_overused(hashes, tally.table, allowed + 1)
            if chosen.any():
                yield openings, hashes[chosen], chunk.ids[chosen]

    def overused(
        self, openings: bool, pairs: Sequence[tuple[Hashes, Hashes]], tally: Tally
    ) -> Overused:
        """The overused among suspects, of which all rows with the same hash are given."""
        hashes, ids = (np.concatenate(column) for column in zip(*pairs, strict=True))
        return overused(hashes, ids, allowed_rows(self.settings, tally.descriptions, openings))


def survey_here(parts: Sequence[str], surveyor: Surveyor) -> Survey:
    """Surveys all parts here: in one pass where the hashes fit into memory, else in two.

    Raises:
        StageFailed: a part cannot be read.
    """

    def read(path: str) -> list[ChunkHashes]:
        return list(surveyor.hashes(path, ids=True))

    held = in_order(read, parts) if surveyor.rows <= HELD_ROWS else None
    tally = surveyor.new_tally()
    for chunk in chain.from_iterable(held or map(read, parts)):
        tally.add(surveyor.count(chunk))
    suspects: dict[bool, list[tuple[Hashes, Hashes]]] = {}
    for chunk in chain.from_iterable(held or map(read, parts)):
        for openings, hashes, ids in surveyor.suspects(chunk, tally):
            suspects.setdefault(openings, []).append((hashes, ids))
    found = [surveyor.overused(openings, pairs, tally) for openings, pairs in suspects.items()]
    return Survey(
        descriptions=tally.descriptions, overused=merge(found), characters=tally.characters
    )


def allowed_rows(settings: SelectSettings, descriptions: int, openings: bool) -> int:
    """How many descriptions may share a wording, or an opening, without overuse.

    >>> from pipelines.params import load_params
    >>> settings = load_params("params.yaml").select
    >>> [allowed_rows(settings, 10_000, openings) for openings in (False, True)]
    [20, 500]
    """
    share = int(settings.max_opening_share * descriptions + 1e-9)  # 0.29 * 100 is 28.999...
    return max(share if openings else settings.max_same, settings.min_repeats - 1)


def characters_of(chunk: pa.Table) -> Characters:
    """The characters of a chunk, each with its game."""
    named = chunk.filter(chunk.column("character").is_valid())
    if not named.num_rows:
        return frozenset()
    games = named.column("game").combine_chunks().fill_null(_NO_GAME).dictionary_encode()
    names = named.column("character").combine_chunks().dictionary_encode()
    # Codes of both as one number: grouping by two columns takes twenty times as long.
    pairs = numbers_of(games.indices).astype(np.int64) * len(names) + numbers_of(names.indices)
    known = (games.dictionary.to_pylist(), names.dictionary.to_pylist())
    found = (divmod(pair, len(names)) for pair in np.unique(pairs).tolist())
    return frozenset((known[0][game], known[1][name]) for game, name in found)
