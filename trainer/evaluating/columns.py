"""Columns of a table that others made: CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.errors import UsageError


def read_columns(path: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a table, each with these columns as they are written; CSV has texts only.

    Raises:
        UsageError: the file cannot be read, is of no kind that is known, has no rows or lacks one
            of the columns.
    """
    readers = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}
    if path.suffix not in readers:
        raise UsageError(f"{path}: name it .csv, .jsonl or .parquet, by what it is")
    try:
        rows = list(readers[path.suffix](path))
    except (OSError, ValueError, csv.Error) as error:
        line = " ".join(str(error).split())
        raise UsageError(f"{path}: cannot be read as {path.suffix[1:]}: {line}") from error
    if not rows:
        raise UsageError(f"{path}: no rows there")
    for number, row in enumerate(rows, 1):
        if lost := [name for name in columns if name not in row]:
            there = ", ".join(map(str, row))
            raise UsageError(f"{path} row {number}: no column {lost[0]!r}; there are {there}")
    return [{name: row[name] for name in columns} for row in rows]


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    text = path.read_text(encoding="utf-8-sig")
    for row in csv.DictReader(io.StringIO(text, newline="")):
        yield {name: value for name, value in row.items() if name is not None and value is not None}


def _json_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is no object")
        yield row


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow.parquet as pq

    yield from pq.read_table(path).to_pylist()
