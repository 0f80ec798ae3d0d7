"""What emit looks up before any work: that parts have a record's columns, and how many rows."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import files
from pipelines.errors import UsageError
from schemas import arrow_schema


def part_rows(path: str, record_type: type, expected: str) -> int:
    """The rows of a part, from its Parquet footer.

    Args:
        path: of the part.
        record_type: whose columns it must have; others may be there too.
        expected: what it should be, for the message where columns are missing.

    Raises:
        UsageError: it is no Parquet file, or one of other records.
    """
    try:
        with files.open_read(path) as stream, pq.ParquetFile(stream) as parquet:
            absent = set(arrow_schema(record_type).names) - set(parquet.schema_arrow.names)
            rows = int(parquet.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:  # damage of what is packed is an OSError
        found = " ".join(str(error).split())
        raise UsageError(
            f"{path}: not a readable Parquet file: {found}; run the stage that wrote it again"
        ) from error
    if absent:
        names = ", ".join(sorted(absent))
        raise UsageError(f"{path}: not {expected}, columns are missing: {names}")
    return rows


def count_part_rows(
    parts: Sequence[str], limit: int | None, record_type: type, expected: str
) -> list[tuple[str, int]]:
    """The parts and their rows, at most ``limit`` of each part; see :func:`part_rows`.

    Raises:
        UsageError: a part is no Parquet file, or one of other records.
    """
    counted = ((path, part_rows(path, record_type, expected)) for path in parts)
    return [(path, rows if limit is None else min(rows, limit)) for path, rows in counted]
