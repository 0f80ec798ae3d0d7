"""Emitted folders -> one folder in another form, shard by shard, with counts and a card."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from manifests.emitted import check_complete, emitted_facts
from manifests.exporting.rows import SCENE, UTTERANCE, Exported, export_row
from manifests.exporting.writers import Writer
from manifests.recorded import read_recorded
from manifests.scene_cuts import SPLITS
from manifests.shards import ShardPaths, list_shards
from manifests.storage import LocalFiles, Storage
from schemas import StageFacts


class NothingToExport(ValueError):
    """Inputs that do not go together, or have no audio."""


class Origin(NamedTuple):
    """What rows are counted by."""

    source: str
    licence: str
    language: str


@dataclass
class Tally:
    """What was written, for the card and the closing line."""

    rows: Counter[str] = field(default_factory=Counter)  # by split
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    rows_of: Counter[Origin] = field(default_factory=Counter)
    seconds_of: dict[Origin, float] = field(default_factory=lambda: defaultdict(float))
    left_out: Counter[str] = field(default_factory=Counter)  # rows, by licence
    files: list[str] = field(default_factory=list)

    def add(self, split: str, row: Exported) -> None:
        """Counts one row that is written."""
        fields = row.fields
        key = Origin(fields["source"], fields["licence"], fields["language"] or "unknown")
        self.rows[split] += 1
        self.rows_of[key] += 1
        self.seconds[split] += fields["duration"]
        self.seconds_of[key] += fields["duration"]


@dataclass(frozen=True)
class Input:
    """One emitted folder."""

    folder: str
    facts: StageFacts

    @property
    def scenes(self) -> bool:
        """Whether its cuts are scenes."""
        return self.facts.unit == "sentence"

    def splits(self, storage: Storage) -> list[tuple[str, ShardPaths]]:
        """Every shard with its split; utterances have one split, ``train``."""
        if not self.scenes:
            return [("train", paths) for paths in list_shards(self.folder, storage)[0]]
        return [
            (split, paths)
            for split in SPLITS
            for paths in list_shards(posixpath.join(self.folder, split), storage)[0]
        ]


def open_inputs(folders: Sequence[str], storage: Storage | None = None) -> list[Input]:
    """The folders, found to be finished and of one kind.

    Raises:
        NotEmitted: one is not the output of emit, or a file of it is missing.
        NothingToExport: some have scenes and some utterances, or one has no speech.
    """
    storage = storage or LocalFiles()
    found = [Input(folder.rstrip("/"), emitted_facts(folder, storage)) for folder in folders]
    for one in found:
        check_complete(one.folder, one.facts, storage)
    if len({one.scenes for one in found}) > 1:
        raise NothingToExport("scenes and utterances have different columns: export them apart")
    prompts = [one.folder for one in found if one.facts.unit == "prompt"]
    if prompts:
        raise NothingToExport(f"{prompts[0]}: prompts without speech, there is no audio to export")
    names = [one.facts.source for one in found]
    if len(set(names)) < len(names):
        raise NothingToExport(f"two inputs of one source: {', '.join(sorted(names))}")
    return found


def export(
    inputs: Sequence[Input],
    output: str,
    writer: Writer,
    licences: frozenset[str] | None = None,
    storage: Storage | None = None,
) -> Tally:
    """Writes ``<output>/data/<split>/<source>-000000.<tar|parquet>``, one file for each shard.

    Args:
        inputs: emitted folders of one kind.
        output: a folder.
        writer: the form.
        licences: rows of other licences are left out and counted; None keeps all.
        storage: of inputs and output; this machine by default.

    Raises:
        ShardDamaged: a shard is not what emit wrote.
    """
    storage, tally = storage or LocalFiles(), Tally()
    for one in inputs:
        schema = SCENE if one.scenes else UTTERANCE
        for split, paths in one.splits(storage):
            rows = _kept(one, split, paths, licences, tally, storage)
            first = next(rows, None)
            if first is None:  # nothing of this shard has a licence that was asked for
                continue
            name = f"data/{split}/{one.facts.source}-{paths.index:06d}.{writer.suffix}"
            with storage.atomic_write(posixpath.join(output, name)) as stream:
                writer.write(_chained(first, rows), schema, stream)
            tally.files.append(name)
    return tally


def _chained(first: Exported, rest: Iterator[Exported]) -> Iterator[Exported]:
    yield first
    yield from rest


def _kept(
    one: Input,
    split: str,
    paths: ShardPaths,
    licences: frozenset[str] | None,
    tally: Tally,
    storage: Storage,
) -> Iterator[Exported]:
    for cut in read_recorded(paths, storage):
        row = export_row(cut, one.scenes)
        licence = row.fields["licence"]
        if licences is not None and licence not in licences:
            tally.left_out[licence] += 1
            continue
        tally.add(split, row)
        yield row
