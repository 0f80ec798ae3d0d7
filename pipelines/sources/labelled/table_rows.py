"""Rows of a corpus's table, whatever it is in: csv, tsv, json, jsonl or parquet."""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal
from pipelines.sources.labelled.text_file import read_text
from pipelines.sources.parquet_rows import open_parquet, parquet_rows
from schemas import Reason

TEXT_TABLES = (".csv", ".tsv", ".txt", ".list", ".json", ".jsonl")
_BATCH_ROWS = 16  # of a parquet file in memory; a clip may have megabytes


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands there."""

    number: int  # the line of a text file from 1; the row of a parquet file from 0
    fields: Mapping[str, Any]


def table_rows(
    uri: str, encodings: Sequence[str], delimiter: str | None = None
) -> Iterator[Row | tuple[int, Refusal]]:
    """The table's rows; a line that cannot be read comes as its number and why.

    Args:
        uri: of the table; its suffix tells its kind.
        encodings: see :func:`pipelines.sources.labelled.text_file.read_text`.
        delimiter: of a csv; None: a tab in .tsv and .txt, a bar in .list, else a comma.

    Raises:
        UsageError: the table cannot be read, is of no known kind or encoding, or has no header.
        Refusal: a parquet file is damaged; what came before was given.
    """
    suffix = posixpath.splitext(uri)[1].lower()
    if suffix == ".parquet":
        yield from _parquet_rows(uri)
    elif suffix in (".json", ".jsonl"):
        yield from _json_rows(uri, read_text(uri, encodings))
    elif suffix in TEXT_TABLES:
        usual = {".tsv": "\t", ".txt": "\t", ".list": "|"}.get(suffix, ",")
        yield from _csv_rows(uri, read_text(uri, encodings), delimiter or usual)
    else:
        known = ", ".join((*TEXT_TABLES, ".parquet"))
        raise UsageError(f"{uri}: a table of an unknown kind; known are {known}")


def columns_of(uri: str, encodings: Sequence[str], delimiter: str | None = None) -> list[str]:
    """The names of a table's columns, from its schema or its first row; empty without a row.

    Raises:
        UsageError: as :func:`table_rows`.
    """
    if uri.lower().endswith(".parquet"):
        with files.open_read(uri) as stream:
            return list(open_parquet(uri, stream).schema_arrow.names)
    rows = (row for row in table_rows(uri, encodings, delimiter) if isinstance(row, Row))
    return list(next(rows, Row(0, {})).fields)


def _csv_rows(uri: str, text: str, delimiter: str) -> Iterator[Row | tuple[int, Refusal]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next(reader, None)
    if not header:
        raise UsageError(f"{uri}: an empty table; expected a first line with names of columns")
    names = [name.strip() for name in header]
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield reader.line_num, Refusal(Reason.TRANSCRIPT_INVALID, f"not csv: {error}")
            continue
        if row is None:
            return
        if not any(field.strip() for field in row):
            continue
        if len(row) > len(names):
            detail = f"{len(row)} columns, the first line has {len(names)}"
            yield reader.line_num, Refusal(Reason.FIELD_INVALID, detail)
            continue
        yield Row(reader.line_num, dict(zip(names, row, strict=False)))


def _json_rows(uri: str, text: str) -> Iterator[Row | tuple[int, Refusal]]:
    if text.lstrip()[:1] == "[":
        try:
            rows = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{uri}: not JSON: {error}") from error
        numbered: Iterator[tuple[int, Any]] = iter(enumerate(rows, start=1))
    else:
        lines = enumerate(text.splitlines(), start=1)
        numbered = ((number, line) for number, line in lines if line.strip())
    for number, found in numbered:
        try:
            row = json.loads(found) if isinstance(found, str) else found
        except (ValueError, RecursionError) as error:
            yield number, Refusal(Reason.TRANSCRIPT_INVALID, f"not JSON: {error}")
            continue
        if isinstance(row, dict):
            yield Row(number, row)
        else:
            detail = f"a {type(row).__name__}, expected an object"
            yield number, Refusal(Reason.FIELD_INVALID, detail)


def _parquet_rows(uri: str) -> Iterator[Row]:
    with files.open_read(uri) as stream:
        for number, row in parquet_rows(open_parquet(uri, stream), _BATCH_ROWS):
            yield Row(number, row)
