"""emit: selected scenes -> Lhotse Shar shards, a folder for each split, audio from the vocals.

Shards are numbered in each split by itself: shard ``k`` has the scenes ``k * shard_size`` and
following of that split, in the order of the parts, less the ones that are rejected here. Which
they are is known from the ``split`` column before anything runs, so the shards are the same
whatever the number of workers. A worker's element is one shard: vocals are read by seeking, and
nothing is gained by staying on one file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from manifests.audio import AudioLength
from manifests.keys import cut_key
from manifests.scene_cuts import SPLITS, SceneTooShort, scene_cut_of, turn_times
from manifests.shards import FOLDER, ShardWriter, shard_paths
from pipelines import files
from pipelines.errors import StageFailed, UsageError
from pipelines.sound import SoundUnreadable
from pipelines.sound_span import encode_flac, read_span
from pipelines.stage import Block, Stage, Tally, read_part
from pipelines.stages.emit import TOLERANCE_S, RowRange, plan_shards
from pipelines.stages.part_rows import part_rows
from pipelines.stages.scene_filters import Fault, sentence_rejection
from pipelines.stages.scene_rows import tally_scenes
from pipelines.stages.settings import EmitScenesSettings
from pipelines.stages.shard_sink import ShardSink
from pipelines.store import file_sha256
from schemas import EpisodeScene, Reason, Rejection, record_of

CHUNK_ROWS = 16  # scenes whose audio is in memory at once, some 20 MB
_EXTENSION = "flac"

# What transform() adds to a row of EpisodeScene on its way to the shard.
_AUDIO = pa.schema(
    [
        ("audio", pa.large_binary()),
        ("num_samples", pa.int64()),
        ("sample_rate_hz", pa.int64()),
        ("num_channels", pa.int64()),
        ("vocals_sha256", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class SceneShard:
    """One shard of one split, and the scenes that fill it: ranges count scenes of the split."""

    split: str
    index: int
    ranges: tuple[RowRange, ...]


def plan_scene_shards(
    scenes: Sequence[tuple[str, Counter[str]]], shard_size: int
) -> list[SceneShard]:
    """The shards of all splits, those of a split in order.

    Args:
        scenes: parts in order, and how many scenes of each split each has.
        shard_size: scenes a shard.

    >>> parts = [("a", Counter(train=3, test=1)), ("b", Counter(train=2))]
    >>> for one in plan_scene_shards(parts, 4):
    ...     print(one.split, one.index, [(r.path, r.start, r.stop) for r in one.ranges])
    train 0 [('a', 0, 3), ('b', 0, 1)]
    train 1 [('b', 1, 2)]
    test 0 [('a', 0, 1)]
    """
    shards = []
    for split in SPLITS:
        for run in plan_shards([(path, counts[split]) for path, counts in scenes], shard_size):
            index, filled, ranges = run.first_shard, 0, list[RowRange]()
            for rows in run.ranges:
                at = rows.start
                while at < rows.stop:
                    stop = min(rows.stop, at + shard_size - filled)
                    ranges.append(RowRange(rows.path, at, stop))
                    filled, at = filled + stop - at, stop
                    if filled == shard_size:
                        shards.append(SceneShard(split, index, tuple(ranges)))
                        index, filled, ranges = index + 1, 0, []
            if ranges:
                shards.append(SceneShard(split, index, tuple(ranges)))
    return shards


def count_splits(parts: Sequence[str], limit: int | None) -> list[tuple[str, Counter[str]]]:
    """The parts and their scenes by split, at most the first ``limit`` of each part.

    Raises:
        StageFailed: a page of a part is damaged.
        UsageError: a part is not what select makes of scenes.
    """
    counted = []
    for path in parts:
        part_rows(path, EpisodeScene, "the output of select")
        counts: Counter[str] = Counter()
        for table in read_part(path, limit=limit, columns=["split"]):
            for entry in table.column("split").value_counts().to_pylist():
                counts[entry["values"]] += entry["counts"]
        if unknown := sorted(str(name) for name in counts.keys() - set(SPLITS)):
            raise UsageError(
                f"{path}: not the output of select, scenes of the split {', '.join(unknown)}"
            )
        counted.append((path, counts))
    return counted


class EmitScenesStage(Stage[SceneShard, pa.Table]):
    """SceneShard of ``EpisodeScene`` rows -> a Shar shard.

    Rejects all sentences of a scene: AUDIO_TRUNCATED where the vocals end before it does,
    AUDIO_UNREADABLE where they do not decode, FIELD_INVALID for an id that cannot name a cut. Uses
    neither network nor GPU.
    """

    name = "emit"
    unit = "sentence"
    record_type = EpisodeScene
    output_patterns = tuple(f"{split}/{FOLDER}/*" for split in SPLITS)

    def __init__(self, source: str, settings: EmitScenesSettings) -> None:
        """Emits the source's scenes."""
        super().__init__(source)
        self._settings = settings

    def open_writer(self, output: str, index: int, element: SceneShard) -> _SceneSink:
        """A shard instead of a Parquet part."""
        return _SceneSink(output, index, element, self._settings.language)

    def read(self, element: SceneShard) -> Iterator[pa.Table]:
        """The scenes that fill the shard, a few at a time."""
        for rows in element.ranges:
            first = 0  # scene of the split that the table begins with
            for table in read_part(rows.path):
                chosen = table.filter(pc.equal(table.column("split"), element.split))
                start, stop = max(rows.start - first, 0), min(rows.stop - first, chosen.num_rows)
                for at in range(start, stop, CHUNK_ROWS):
                    yield chosen.slice(at, min(CHUNK_ROWS, stop - at))
                first += chosen.num_rows
                if first >= rows.stop:
                    break

    def transform(self, chunk: pa.Table) -> Block:
        """Cuts the audio out of the vocals; the rows that are kept carry it and its length."""
        kept, audio, rejections = list[int](), list[dict[str, object]](), list[Rejection]()
        counts: Counter[str] = Counter()
        for index, row in enumerate(chunk.to_pylist()):
            found = _load(row)
            if isinstance(found, dict):
                kept.append(index)
                audio.append(found)
                counts.update(["scenes", f"scenes.{row['split']}"])
                counts["rl"] += bool(row["rl"])
            else:
                scene = record_of(EpisodeScene, row)
                rejections += [
                    sentence_rejection(scene, one, self.name, found) for one in scene.sentences
                ]
        rows = chunk.take(pa.array(kept, pa.int64()))
        loaded = pa.Table.from_pylist(audio, schema=_AUDIO)
        for name in _AUDIO.names:
            rows = rows.append_column(_AUDIO.field(name), loaded.column(name))
        return Block(rows=rows, rejections=rejections, counts=counts)

    def tally(self, rows: pa.Table) -> Tally:
        """Sentences."""
        return tally_scenes(rows)

    def intake(self, chunk: pa.Table, block: Block, kept: Tally) -> Tally:
        """What went in, counted on the input table."""
        return self.tally(chunk)


def _load(row: dict[str, Any]) -> dict[str, object] | Fault:
    """One scene's audio as the columns of ``_AUDIO``, or why there is none.

    Raises:
        StageFailed: the vocals are gone.
    """
    path = row["vocals_uri"]
    try:
        cut_key(row["id"])
    except ValueError as error:
        return Reason.FIELD_INVALID, str(error)
    if not files.exists(path):
        raise StageFailed(
            f"{path}: gone, the vocals of {row['episode_id']}; "
            f"run python -m pipelines.separate --source {row['source']}"
        )
    try:
        span = read_span(path, row["start"], row["duration"])
    except SoundUnreadable as error:
        return Reason.AUDIO_UNREADABLE, str(error)
    if span.missing_s > TOLERANCE_S:
        return Reason.AUDIO_TRUNCATED, f"the vocals end {span.missing_s:.3f} s before the scene"
    try:
        turn_times(row, span.duration)
    except SceneTooShort as error:
        return Reason.AUDIO_TRUNCATED, str(error)
    return {
        "audio": encode_flac(span),
        "num_samples": len(span.samples),
        "sample_rate_hz": span.sample_rate_hz,
        "num_channels": span.samples.shape[1],
        "vocals_sha256": file_sha256(path),
    }


class _SceneSink(ShardSink[ShardWriter]):
    """One shard of a split."""

    def __init__(self, output: str, index: int, element: SceneShard, language: str) -> None:
        super().__init__(output, index, element.index, shard_size=None)
        self._folder, self._language = files.join(output, element.split), language

    def open_shard(self, number: int) -> tuple[ShardWriter, list[str]]:
        paths = shard_paths(self._folder, number)
        return ShardWriter(self._folder, number, files), [paths.cuts, paths.recording]

    def add(self, shard: ShardWriter, row: dict[str, Any]) -> None:
        length = AudioLength(row["num_samples"], row["sample_rate_hz"], row["num_channels"])
        cut = scene_cut_of(row, row["audio"], length, row["vocals_sha256"], self._language)
        shard.write(cut, row["audio"], _EXTENSION)
