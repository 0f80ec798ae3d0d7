"""emit: instructions with their texts -> Shar shards of cuts that have no recording (S3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from manifests.keys import cut_key
from manifests.prompt_cuts import UNIT, PromptShardWriter, prompt_cut
from manifests.shards import FOLDER
from pipelines import files
from pipelines.stage import Block, Stage, Tally
from pipelines.stages.emit import ShardRun, read_run
from pipelines.stages.settings import EmitSettings
from pipelines.stages.shard_sink import ShardSink
from schemas import InstructionPrompt, Reason, Rejection
from schemas.facts import no_hashes


class EmitPromptsStage(Stage[ShardRun, pa.Table]):
    """ShardRun of ``InstructionPrompt`` rows -> shards of cuts alone.

    Rejects: FIELD_INVALID for an id that cannot name a cut. Uses neither network nor GPU.
    """

    name = "emit"
    unit = UNIT
    record_type = InstructionPrompt
    output_patterns = (f"{FOLDER}/*",)

    def __init__(self, source: str, settings: EmitSettings) -> None:
        """Emits the set's prompts."""
        super().__init__(source)
        self._settings = settings

    def read(self, element: ShardRun) -> Iterator[pa.Table]:
        """The rows that fill the shards; no chunk crosses a shard's end."""
        return read_run(element, self._settings.shard_size)

    def open_writer(self, output: str, index: int, element: ShardRun) -> _PromptSink:
        """Shards instead of Parquet parts."""
        return _PromptSink(output, index, element.first_shard, self._settings.shard_size)

    def transform(self, chunk: pa.Table) -> Block:
        """Keeps every row whose id names a cut."""
        kept, rejections, counts = list[int](), list[Rejection](), Counter[str]()
        for index, (name, origin) in enumerate(
            zip(chunk.column("id").to_pylist(), chunk.column("origin").to_pylist(), strict=True)
        ):
            try:
                cut_key(name)
            except ValueError as error:
                rejections.append(
                    Rejection(
                        record_id=name,
                        stage=self.name,
                        reason=Reason.FIELD_INVALID,
                        detail=str(error),
                        location=f"row {name}",
                        duration=None,
                    )
                )
                continue
            kept.append(index)
            counts[f"origin.{origin}"] += 1
        rows = chunk.take(pa.array(kept, pa.int64()))
        return Block(rows=rows, rejections=rejections, counts=counts)

    def tally(self, rows: pa.Table) -> Tally:
        """Prompts; nobody speaks in them."""
        return Tally(rows.num_rows, 0, no_hashes())

    def intake(self, chunk: pa.Table, block: Block, kept: Tally) -> Tally:
        """What went in, counted on the input table."""
        return self.tally(chunk)


class _PromptSink(ShardSink[PromptShardWriter]):
    """Shards of prompts, without audio."""

    def open_shard(self, number: int) -> tuple[PromptShardWriter, list[str]]:
        writer = PromptShardWriter(self.output, number, files)
        return writer, [writer.path]

    def add(self, shard: PromptShardWriter, row: dict[str, Any]) -> None:
        shard.write(prompt_cut(row))
