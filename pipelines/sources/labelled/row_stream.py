"""Rows of a large table without its clips, as a stream: Parquet by batches, JSON lines by line."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal
from pipelines.sources.labelled.line import RefusedLine
from pipelines.sources.parquet_rows import open_parquet, parquet_rows
from schemas import Reason

_BATCH_ROWS = 1024
_LINE_BYTES = 16 << 20  # a row has kilobytes; more is a file without line ends


class Row(NamedTuple):
    """One row, unchecked."""

    number: int  # from 0 in Parquet, from 1 in text files, as tools count them
    location: str
    fields: Mapping[str, object]


def read_rows(uri: str, columns: Sequence[str], setting: str) -> Iterator[Row | RefusedLine]:
    """The rows of a ``.parquet`` or ``.jsonl`` file, in file order, in bounded memory.

    Args:
        uri: of the file.
        columns: every row has to have them, null or not.
        setting: that says which columns there are; for the message where one is missing.

    Raises:
        UsageError: the file is gone or not what its name says, or a Parquet file lacks a column.
        Refusal: the rest of the file cannot be read.
    """
    if posixpath.splitext(uri)[1] == ".parquet":
        return _parquet_rows(uri, list(dict.fromkeys(columns)), setting)
    return _json_rows(uri, list(dict.fromkeys(columns)), setting)


def _parquet_rows(uri: str, columns: list[str], setting: str) -> Iterator[Row]:
    with files.open_read(uri) as stream:
        table = open_parquet(uri, stream)
        there = table.schema_arrow.names
        if missing := [name for name in columns if name not in there]:
            raise UsageError(
                f"{uri}: no column {', '.join(missing)}; it has {', '.join(there)}; "
                f"settings: {setting}"
            )
        for number, fields in parquet_rows(table, _BATCH_ROWS, columns):
            yield Row(number, f"{uri}:{number}", fields)


def _json_rows(uri: str, columns: list[str], setting: str) -> Iterator[Row | RefusedLine]:
    stem = posixpath.splitext(posixpath.basename(uri))[0]
    with files.open_read(uri) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(_LINE_BYTES), b""), start=1):
            if len(line) == _LINE_BYTES:
                raise UsageError(f"{uri}:{number}: over {_LINE_BYTES} bytes: are these JSON lines?")
            if line.isspace():
                continue
            location = f"{uri}:{number}"
            try:
                yield Row(number, location, _fields(line, columns, setting))
            except Refusal as refusal:
                yield RefusedLine(f"{stem}:{number}", location, refusal)


def _fields(line: bytes, columns: list[str], setting: str) -> Mapping[str, object]:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Refusal(Reason.TRANSCRIPT_INVALID, f"not JSON in UTF-8: {error}") from error
    if not isinstance(fields, dict):
        raise Refusal(Reason.TRANSCRIPT_INVALID, "not a JSON object")
    if missing := [name for name in columns if name not in fields]:
        detail = f"no field {', '.join(missing)}; settings: {setting}"
        raise Refusal(Reason.FIELD_INVALID, detail)
    return fields
