"""Writes one part: accepted rows and rejections as Parquet, atomically, in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import files
from schemas import Rejection, arrow_schema, table_of


class PartFile:
    """A Parquet file under construction; appears under its name when closed without an error."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        """Takes where the file will be; nothing is written before the first rows."""
        self.path = path
        self.rows = 0
        self._schema = schema
        self._stack = contextlib.ExitStack()
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Appends rows as one row group; their schema must be the file's."""
        if self._writer is None:
            stream = self._stack.enter_context(files.atomic_write(self.path))
            self._writer = self._stack.enter_context(
                pq.ParquetWriter(stream, self._schema, compression="zstd")
            )
        self._writer.write_table(table.cast(self._schema))
        self.rows += table.num_rows

    def __enter__(self) -> PartFile:
        """Starts the file lazily: no rows, no file."""
        self._stack.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Publishes the file, or drops it when an error is on its way."""
        self._stack.__exit__(kind, error, trace)


class PartWriter:
    """The output of one part: ``part-00007.parquet`` (or ``part-00007-000.parquet``, ...)."""

    def __init__(
        self, folder: str, index: int, schema: pa.Schema, rows_per_file: int | None
    ) -> None:
        """Takes the stage's output folder and the part's number."""
        self._folder, self._index, self._schema = folder, index, schema
        self._rows_per_file = rows_per_file
        self._open: PartFile | None = None
        self._rejected = PartFile(
            files.join(folder, "rejected", f"part-{index:05d}.parquet"), arrow_schema(Rejection)
        )
        self.paths: list[str] = []

    def write(self, rows: pa.Table, rejections: list[Rejection]) -> None:
        """Appends accepted rows and rejections."""
        for piece in self._pieces(rows):
            if self._open is None:
                self._open = PartFile(self._next_path(), self._schema)
                self._open.__enter__()
                self.paths.append(self._open.path)
            self._open.write(piece)
            if self._rows_per_file is not None and self._open.rows >= self._rows_per_file:
                self._close_file(None)
        if rejections:
            self._rejected.write(table_of(Rejection, rejections))

    def __enter__(self) -> PartWriter:
        """Files are opened when the first row comes."""
        self._rejected.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Publishes what is open, or drops it when an error is on its way."""
        try:
            self._close_file(error)
        except BaseException as failed:
            self._rejected.__exit__(type(failed), failed, failed.__traceback__)
            raise
        self._rejected.__exit__(kind, error, trace)

    def _close_file(self, error: BaseException | None) -> None:
        if self._open is not None:
            self._open.__exit__(type(error) if error else None, error, None)
            self._open = None

    def _next_path(self) -> str:
        suffix = "" if self._rows_per_file is None else f"-{len(self.paths):03d}"
        return files.join(self._folder, f"part-{self._index:05d}{suffix}.parquet")

    def _pieces(self, rows: pa.Table) -> Iterator[pa.Table]:
        start = 0
        while start < rows.num_rows:
            room = rows.num_rows - start
            if self._rows_per_file is not None:
                filled = self._open.rows if self._open is not None else 0
                room = min(room, self._rows_per_file - filled)
            yield rows.slice(start, room)
            start += room
