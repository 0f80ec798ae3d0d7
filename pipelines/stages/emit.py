"""emit: selected utterances -> Lhotse Shar shards, audio passed through as it lies in the source.

Only what no shard can carry (AAC in mp4 or m4a, webm) is decoded, and kept as FLAC.

Shards are numbered over the whole output: shard ``k`` has the rows ``k * shard_size`` and following
of all parts in order, less the ones that are rejected here. Which rows, is known from the Parquet
footers before anything runs; so the shards are the same whatever the number of workers, small
parts do not make small shards, and only the last shard is short.

A worker's element is the run of shards that begin in one part. It reads on into the following part
to fill its last one. Consecutive shards stay on one worker because a tar.gz is cheap in order only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from manifests.audio import EXTENSIONS, AudioLength, AudioUndecodable, measure
from manifests.cuts import cut_of
from manifests.keys import cut_key
from manifests.repacking import FORMAT, as_flac
from manifests.shards import FOLDER, ShardWriter, shard_paths
from pipelines import files
from pipelines.audio_bytes import AudioLost, AudioReader
from pipelines.audio_place import AudioPlace
from pipelines.stage import Block, Stage, Tally, read_part
from pipelines.stages.settings import EmitSettings
from pipelines.stages.shard_sink import ShardSink
from schemas import AnnotatedUtterance, Reason, Rejection

CHUNK_ROWS = 32  # rows whose audio is in memory at once

# Ingest takes the duration from headers, which may be off by 2 %; beyond this, audio is missing.
TOLERANCE_S = 0.25
TOLERANCE_SHARE = 0.05

# What transform() adds to a row of AnnotatedUtterance on its way to the shard.
_AUDIO = pa.schema(
    [
        ("audio", pa.large_binary()),
        ("shard_format", pa.string()),
        ("num_samples", pa.int64()),
        ("decoded_rate_hz", pa.int64()),
        ("decoded_channels", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class RowRange:
    """Rows ``start`` to ``stop`` (exclusive) of a part."""

    path: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class ShardRun:
    """Consecutive shards, and the rows that fill them."""

    first_shard: int
    ranges: tuple[RowRange, ...]


def plan_shards(rows: Sequence[tuple[str, int]], shard_size: int) -> list[ShardRun]:
    """Which worker writes which shards: one run of shards for each part that begins any.

    Args:
        rows: parts in order, and how many rows each has.
        shard_size: rows a shard.

    >>> for run in plan_shards([("a", 5), ("b", 1), ("c", 3)], 2):
    ...     print(run.first_shard, [(r.path, r.start, r.stop) for r in run.ranges])
    0 [('a', 0, 5), ('b', 0, 1)]
    3 [('c', 0, 3)]
    """
    runs: list[ShardRun] = []
    before = 0  # rows in earlier parts
    for path, count in rows:
        edge = min(-(-before // shard_size) * shard_size - before, count)
        if edge:  # these rows fill the last shard of the run before
            runs[-1] = replace(runs[-1], ranges=(*runs[-1].ranges, RowRange(path, 0, edge)))
        if edge < count:
            first = (before + edge) // shard_size
            runs.append(ShardRun(first, (RowRange(path, edge, count),)))
        before += count
    return runs


def read_run(run: ShardRun, shard_size: int) -> Iterator[pa.Table]:
    """The rows that fill a run's shards; no chunk crosses a shard's end.

    Raises:
        StageFailed: a part is damaged.
    """
    done = 0  # rows of the run so far
    for rows in run.ranges:
        first = 0  # row of the part that the table begins with
        for table in read_part(rows.path, limit=rows.stop):
            at = max(rows.start - first, 0)
            while at < table.num_rows:
                chunk = table.slice(at, min(CHUNK_ROWS, shard_size - done % shard_size))
                yield chunk
                at += chunk.num_rows
                done += chunk.num_rows
            first += table.num_rows


class EmitStage(Stage[ShardRun, pa.Table]):
    """ShardRun of ``AnnotatedUtterance`` rows -> Shar shards.

    Rejects: AUDIO_MISSING and AUDIO_TRUNCATED for a plain file that is gone or cut short;
    AUDIO_UNREADABLE for audio that does not decode or that no shard can carry; AUDIO_TRUNCATED and
    DURATION_MISMATCH for audio that decodes to another length than ingest found; FIELD_INVALID for
    an id that cannot name a cut. Uses neither network nor GPU.
    """

    name = "emit"
    record_type = AnnotatedUtterance
    output_patterns = (f"{FOLDER}/*",)

    def __init__(self, source: str, settings: EmitSettings) -> None:
        """Emits the source's utterances."""
        super().__init__(source)
        self._settings = settings
        self._reader: AudioReader | None = None

    def setup(self) -> None:
        """Archives stay open from element to element, see AudioReader."""
        self._reader = AudioReader()

    def teardown(self) -> None:
        """Closes the archives."""
        if self._reader is not None:
            self._reader.close()

    def open_writer(self, output: str, index: int, element: ShardRun) -> _UtteranceSink:
        """Shards instead of Parquet parts."""
        return _UtteranceSink(output, index, element.first_shard, self._settings)

    def read(self, element: ShardRun) -> Iterator[pa.Table]:
        """The rows that fill the shards; no chunk crosses a shard's end."""
        return read_run(element, self._settings.shard_size)

    def transform(self, chunk: pa.Table) -> Block:
        """Reads and decodes the audio; the rows that are kept carry its bytes and its length."""
        if self._reader is None:
            raise RuntimeError("setup() comes first")
        kept, audio, rejections = list[int](), list[dict[str, object]](), list[Rejection]()
        counts: Counter[str] = Counter()
        for index, row in enumerate(chunk.to_pylist()):
            place = AudioPlace.of(row)
            try:
                encoded, extension, length = _load(row, place, self._reader)
            except AudioLost as lost:
                rejections.append(
                    Rejection(
                        record_id=row["id"],
                        stage=self.name,
                        reason=lost.reason,
                        detail=lost.detail,
                        location=str(place),
                        duration=row["duration"],
                    )
                )
                continue
            kept.append(index)
            audio.append({"audio": encoded, "shard_format": extension, **_columns(length)})
            made = "default" if row["instruction"] is None else "annotated"
            counts.update([f"instruction.{made}", f"format.{row['audio_format']}"])
        rows = chunk.take(pa.array(kept, pa.int64()))
        loaded = pa.Table.from_pylist(audio, schema=_AUDIO)
        for name in _AUDIO.names:
            rows = rows.append_column(_AUDIO.field(name), loaded.column(name))
        return Block(rows=rows, rejections=rejections, counts=counts)

    def intake(self, chunk: pa.Table, block: Block, kept: Tally) -> Tally:
        """What went in, counted on the input table."""
        return self.tally(chunk)


def _load(
    row: dict[str, Any], place: AudioPlace, reader: AudioReader
) -> tuple[bytes, str, AudioLength]:
    """One row's audio as it goes into the shard, its extension, and its decoded length.

    Raises:
        AudioLost: with the reason for which the row is rejected.
        StageFailed: the archive is not the one that was ingested.
    """
    try:
        cut_key(row["id"])
    except ValueError as error:
        raise AudioLost(Reason.FIELD_INVALID, str(error)) from error
    encoded, extension = reader.read(place), str(row["audio_format"])
    try:
        if extension not in EXTENSIONS:  # Lhotse does not decode it from a shard
            encoded, extension = as_flac(encoded), FORMAT
        length = measure(encoded)
    except AudioUndecodable as error:
        raise AudioLost(Reason.AUDIO_UNREADABLE, str(error)) from error
    surplus = length.duration - row["duration"]
    if abs(surplus) > max(TOLERANCE_S, TOLERANCE_SHARE * row["duration"]):
        reason = Reason.AUDIO_TRUNCATED if surplus < 0 else Reason.DURATION_MISMATCH
        detail = f"decodes to {length.duration:.3f} s, ingest found {row['duration']:.3f} s"
        raise AudioLost(reason, detail)
    return encoded, extension, length


def _columns(length: AudioLength) -> dict[str, object]:
    return {
        "num_samples": length.num_samples,
        "decoded_rate_hz": length.sample_rate_hz,
        "decoded_channels": length.num_channels,
    }


class _UtteranceSink(ShardSink[ShardWriter]):
    """Shards of utterances with their audio."""

    def __init__(self, output: str, index: int, first_shard: int, settings: EmitSettings) -> None:
        super().__init__(output, index, first_shard, settings.shard_size)
        self._default_instruction = settings.default_instruction

    def open_shard(self, number: int) -> tuple[ShardWriter, list[str]]:
        paths = shard_paths(self.output, number)
        return ShardWriter(self.output, number, files), [paths.cuts, paths.recording]

    def add(self, shard: ShardWriter, row: dict[str, Any]) -> None:
        length = AudioLength(row["num_samples"], row["decoded_rate_hz"], row["decoded_channels"])
        cut = cut_of(row, row["audio"], length, self._default_instruction)
        shard.write(cut, row["audio"], row["shard_format"])
