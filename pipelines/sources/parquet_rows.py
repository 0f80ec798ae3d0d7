"""Rows of a Parquet file from outside: opened, and read in bounded memory as far as it is whole."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import UsageError
from pipelines.sources.base import Refusal
from schemas import Reason

_PAGE_BYTES = 1 << 20


def open_parquet(uri: str, stream: BinaryIO) -> pq.ParquetFile:
    """The file, its footer read.

    Raises:
        UsageError: it is not one, or its footer is damaged.
    """
    try:
        return pq.ParquetFile(stream, buffer_size=_PAGE_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{uri}: not a parquet file: {error}") from error


def parquet_rows(
    table: pq.ParquetFile, batch_rows: int, columns: list[str] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number, from 0, and fields of every row.

    Args:
        table: from :func:`open_parquet`.
        batch_rows: in memory at once; a row may hold a clip of megabytes.
        columns: only these; None: all.

    Raises:
        Refusal: TRANSCRIPT_INVALID where a page is damaged; what came before was given.
    """
    number = 0
    try:
        # One row group after the other, so that a damaged one takes none before it along.
        for group in range(table.num_row_groups):
            batches = table.iter_batches(batch_rows, row_groups=[group], columns=columns)
            for fields in itertools.chain.from_iterable(one.to_pylist() for one in batches):
                yield number, fields
                number += 1
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        found = " ".join(str(error).split())
        detail = f"cannot be read from row {number} on: {found}; fetch the file again"
        raise Refusal(Reason.TRANSCRIPT_INVALID, detail) from error
