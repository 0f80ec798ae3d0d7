"""Writes a part again without the rows whose id an earlier part has; see ``duplicates``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import files
from pipelines.hashes import hash_strings
from pipelines.stage import Stage, location_of, read_part
from pipelines.stage_run import WrittenPart
from pipelines.writer import PartWriter
from schemas import PartFacts, Reason, Rejection, arrow_schema
from schemas.facts import Hashes, no_hashes


class DropRepeated(beam.DoFn):
    """A part and the hashes of its repeated ids -> the part without those rows."""

    def __init__(self, stage: Stage[Any, Any], output: str) -> None:
        """Takes the stage whose parts they are, and its output folder."""
        self._stage, self._output = stage, output

    def process(self, joined: tuple[int, dict[str, list[Any]]]) -> Iterator[WrittenPart]:
        """Most parts have no repeated id and pass as they are."""
        _, sides = joined
        (part,) = sides["part"]
        hashes = np.concatenate([no_hashes(), *sides["repeated"]])
        yield part if not len(hashes) else drop_rows(part, hashes, self._stage, self._output)


def drop_rows(
    part: WrittenPart, hashes: Hashes, stage: Stage[Any, Any], output: str
) -> WrittenPart:
    """Moves the rows whose id hashes to one of ``hashes`` to the rejected ones.

    The part is streamed into itself: a file takes its old name when it is full, and by then at
    least as many rows were read. Two different ids with one 64-bit hash are taken for one: among
    10^8 utterances that is expected 0.0003 times.
    """
    earlier = _read_rejections(files.join(output, "rejected", f"part-{part.index:05d}.parquet"))
    kept_facts, moved = PartFacts(), 0
    schema = arrow_schema(stage.record_type)
    with PartWriter(output, part.index, schema, stage.rows_per_file) as writer:
        writer.write(schema.empty_table(), earlier)
        for rows in (rows for path in part.paths for rows in read_part(path)):
            again = np.isin(hash_strings(rows.column("id")), hashes)
            kept = rows.filter(pa.array(~again))
            rejections = [
                _rejection(row, stage) for row in rows.filter(pa.array(again)).to_pylist()
            ]
            writer.write(kept, rejections)
            tally = stage.tally(kept)
            moved += len(rejections)
            kept_facts += PartFacts(
                rows_out=tally.units,
                microseconds_out=tally.microseconds,
                speakers_out=tally.speakers,
            )
    files.delete([path for path in part.paths if path not in writer.paths])
    reason = Reason.DUPLICATE_ID.value
    lost = part.facts.microseconds_out - kept_facts.microseconds_out
    facts = replace(
        part.facts,
        rows_out=kept_facts.rows_out,
        microseconds_out=kept_facts.microseconds_out,
        speakers_out=kept_facts.speakers_out,
        rejected=part.facts.rejected + Counter({reason: moved}),
        rejected_microseconds=part.facts.rejected_microseconds + Counter({reason: lost}),
    )
    return WrittenPart(part.index, writer.paths, facts)


def _rejection(row: dict[str, Any], stage: Stage[Any, Any]) -> Rejection:
    return Rejection(
        record_id=row["id"],
        stage=stage.name,
        reason=Reason.DUPLICATE_ID,
        detail="an earlier part has this id; the first one is kept",
        location=location_of(row),
        duration=row["duration"],
    )


def _read_rejections(path: str) -> list[Rejection]:
    if not files.exists(path):
        return []
    with files.open_read(path) as stream:
        rows = pq.read_table(stream).to_pylist()
    return [Rejection(**{**row, "reason": Reason(row["reason"])}) for row in rows]
