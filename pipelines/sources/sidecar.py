"""Titles and tags of the source videos: a look-up into JSONL sidecars that fits into memory.

A sidecar has one row a video::

    {"source_id": "EN_B00000_S00002", "title": "Evening News Bulletin", "tags": ["news"]}

Only 16 bytes a row stay in memory, a hash of the id and the place of the row in its file: 5 million
rows take 80 MB. Rows are read when asked for, and utterances of one video come one after another.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
from array import array
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple, cast

import numpy as np
import orjson

from pipelines import files
from pipelines.errors import UsageError

_OFFSET_BITS = 48  # of a place; the bits above number the file
_CACHED_ROWS = 1024
_MAX_FILES = 1 << 15


class SidecarRow(NamedTuple):
    """What the sidecar tells about one source video."""

    title: str | None
    tags: tuple[str, ...]


class Sidecar:
    """Rows of the sidecars by source id; the first row of an id counts."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Reads all sidecars once.

        Raises:
            UsageError: a sidecar is missing or has a row that is not as above; the message names
                file and line.
        """
        if len(paths) > _MAX_FILES:
            raise UsageError(f"more than {_MAX_FILES} metadata files")
        hashes, places = array("Q"), array("Q")
        self._streams: list[BinaryIO] = []
        for number, path in enumerate(paths):
            stream = _open_local(path)
            self._streams.append(stream)
            position, base = 0, number << _OFFSET_BITS
            for line_number, line in enumerate(stream, start=1):
                if not line.isspace():
                    source_id, _ = _parse(line, f"{path} line {line_number}")
                    hashes.append(_hash(source_id))
                    places.append(base | position)
                position += len(line)
        keys = np.frombuffer(hashes, dtype=np.uint64)
        order = np.argsort(keys, kind="stable")  # stable: the first row of an id stays first
        self._keys = keys[order]
        self._places = np.frombuffer(places, dtype=np.uint64)[order]
        self._cache: dict[str, SidecarRow | None] = {}
        self._lock = threading.Lock()  # the streams have one position for all threads

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._keys)

    def find(self, source_id: str) -> SidecarRow | None:
        """The row of a source; None when there is none."""
        try:
            return self._cache[source_id]
        except KeyError:
            pass
        with self._lock:
            row = self._look_up(source_id)
            if len(self._cache) >= _CACHED_ROWS:
                self._cache.clear()
            self._cache[source_id] = row
        return row

    def _look_up(self, source_id: str) -> SidecarRow | None:
        key = np.uint64(_hash(source_id))
        index = int(np.searchsorted(self._keys, key))
        while index < len(self._keys) and self._keys[index] == key:
            place = int(self._places[index])
            stream = self._streams[place >> _OFFSET_BITS]
            stream.seek(place & (1 << _OFFSET_BITS) - 1)
            found, row = _parse(stream.readline(), "metadata file changed while in use")
            if found == source_id:
                return row
            index += 1
        return None


def _hash(source_id: str) -> int:
    digest = hashlib.blake2b(source_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _parse(line: bytes, place: str) -> tuple[str, SidecarRow]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{place}: not JSON: {error}") from error
    if not isinstance(row, dict) or not isinstance(row.get("source_id"), str):
        raise UsageError(f"{place}: expected an object with a source_id")
    title, tags = row.get("title"), row.get("tags")
    if title is not None and not isinstance(title, str):
        raise UsageError(f"{place}: title is not a string")
    if tags is None:
        tags = ()
    elif not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise UsageError(f"{place}: tags is not a list of strings")
    return row["source_id"], SidecarRow(title, tuple(tags))


def _open_local(path: str) -> BinaryIO:
    """The file itself, or a nameless local copy: look-ups over a network would take days."""
    stream = files.open_read(path)
    if "://" not in path:
        return stream
    with stream:
        copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115  (lives as long as we do)
        shutil.copyfileobj(stream, copy, 1 << 20)
    copy.seek(0)
    return copy
