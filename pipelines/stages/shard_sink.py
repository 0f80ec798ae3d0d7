"""Rows of a run -> its shards, one after the other; what is rejected goes beside them."""

from __future__ import annotations

import abc
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import pyarrow as pa

from pipelines import files
from pipelines.writer import PartFile
from schemas import Rejection, arrow_schema, table_of

Shard = TypeVar("Shard", bound=AbstractContextManager[Any])  # a writer of one shard


class ShardSink(abc.ABC, Generic[Shard]):
    """Fills shards, ``shard_size`` rows that came in to each, rejected ones counted."""

    def __init__(self, output: str, index: int, first_shard: int, shard_size: int | None) -> None:
        """Takes the stage's folder, the run's number, its first shard, and a shard's rows.

        ``shard_size`` is None where the run is one shard, however many rows it has.
        """
        self.output = output
        self._number, self._size, self._filled = first_shard, shard_size, 0
        self._shard: Shard | None = None
        self._rejected = PartFile(
            files.join(output, "rejected", f"part-{index:05d}.parquet"), arrow_schema(Rejection)
        )
        self.paths: list[str] = []

    @abc.abstractmethod
    def open_shard(self, number: int) -> tuple[Shard, list[str]]:
        """The writer of a shard, not yet entered, and the files that it will make."""

    @abc.abstractmethod
    def add(self, shard: Shard, row: dict[str, Any]) -> None:
        """Appends a row to the shard that is open."""

    def write(self, rows: pa.Table, rejections: list[Rejection], /) -> None:
        """Appends a chunk to the shard it belongs to; a chunk crosses no shard's end."""
        if self._shard is None:
            self._shard, paths = self.open_shard(self._number)
            self._shard.__enter__()
            self.paths += paths
        for row in rows.to_pylist():
            self.add(self._shard, row)
        if rejections:
            self._rejected.write(table_of(Rejection, rejections))
        self._filled += rows.num_rows + len(rejections)
        if self._size is not None and self._filled >= self._size:
            self._close(None)

    def __enter__(self) -> Self:
        """A shard is opened when its first row comes."""
        self._rejected.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Publishes the shard that is open, or drops it when an error is on its way."""
        self._close(error)
        self._rejected.__exit__(kind, error, trace)

    def _close(self, error: BaseException | None) -> None:
        if self._shard is not None:
            self._shard.__exit__(type(error) if error else None, error, None)
            self._shard, self._filled = None, 0
            self._number += 1
