"""Tables that grow while hours of work are done, and lose nothing when the work is killed.

Each row has a `key`: the hash of everything that it was made of. Rows are written in small parts as
they are made; a run that begins takes those whose key it wants, makes the others, and at the end
puts all together into one file in its own order. So an interrupted run ends with the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.storage import LocalFiles
from schemas.arrow import arrow_schema, record_of, table_of
from trainer.errors import UsageError


class Keyed(Protocol):
    """A row that knows what it was made of."""

    @property
    def key(self) -> str:
        """Hash of everything that it depends on."""
        ...


Row = TypeVar("Row", bound=Keyed)


def key_of(*parts: str | Mapping[str, Any]) -> str:
    """One hash for several things that JSON can say.

    >>> key_of({"seed": 0}, "a") == key_of({"seed": 0}, "a") != key_of({"seed": 1}, "a")
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Kept(Generic[Row]):
    """One table: ``NAME.parquet``, and ``NAME.parts/`` while it grows."""

    def __init__(self, path: Path, record: type[Row], metadata: Mapping[str, object]) -> None:
        """Reads what is there.

        Args:
            path: of the finished table, ``.parquet``.
            record: the rows' dataclass.
            metadata: written into the finished table; no part of any key.

        Raises:
            UsageError: a file there is no table of such rows.
        """
        self._path, self._record, self._metadata = path, record, metadata
        self._parts = path.with_suffix(".parts")
        self.rows: dict[str, Row] = {}  # by key
        files = [path] if path.is_file() else []
        for file in [*files, *sorted(self._parts.glob("*.parquet"))]:
            for row in read_rows(file, record):
                self.rows[row.key] = row
        self._next = max((int(file.stem) for file in self._parts.glob("*.parquet")), default=0)

    def add(self, rows: Sequence[Row]) -> None:
        """Keeps rows that were just made; they survive a kill from now on."""
        if self._path.is_file():  # no longer whole; nobody is to read it as if it were
            self._parts.mkdir(exist_ok=True)
            self._path.replace(self._new_part())
        self._write(self._new_part(), rows)
        self.rows.update((row.key, row) for row in rows)

    def _new_part(self) -> Path:
        self._next += 1
        return self._parts / f"{self._next:06d}.parquet"

    def finish(self, keys: Sequence[str]) -> list[Row]:
        """Writes the table of these rows in this order and drops all others; gives them.

        A key that comes twice is one row of the table.
        """
        rows = {key: self.rows[key] for key in keys}
        self._write(self._path, list(rows.values()))
        for part in self._parts.glob("*.parquet"):
            part.unlink()
        if self._parts.is_dir():
            self._parts.rmdir()
        return [rows[key] for key in keys]

    def _write(self, path: Path, rows: Sequence[Row]) -> None:
        table = table_of(self._record, rows)
        about = json.dumps(self._metadata, sort_keys=True).encode()
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"about": about})
        with LocalFiles().atomic_write(str(path)) as stream:
            pq.write_table(table, stream, compression="zstd")


def read_rows(path: Path, record: type[Row]) -> list[Row]:
    """All rows of a table.

    Raises:
        UsageError: it is missing or no table of such rows.
    """
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UsageError(f"{path}: {error}; remove it and run this again") from error
    if not table.schema.equals(arrow_schema(record)):
        raise UsageError(f"{path}: not a table of {record.__name__}; remove it, run this again")
    return [record_of(record, row) for row in table.to_pylist()]
