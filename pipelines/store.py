"""Results of expensive models, kept by the hash of everything that made them.

Separated vocals, diarizations, captions: a stage that is killed and run again finds what it had
finished. A result appears under its name whole or not at all, and two workers that make the same
one write the same bytes, so nobody needs a lock. The folder can be deleted; it costs hours.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import orjson

from pipelines import files

_BLOCK_BYTES = 1 << 20
_KEPT_HASHES = 4096  # of files; the parts of one worker name far fewer at a time


class Store:
    """A folder of results: ``<folder>/ab/ab12...<suffix>``."""

    def __init__(self, folder: str) -> None:
        """Takes the folder; it is made with the first result."""
        self.folder = folder

    def path(self, key: str, suffix: str) -> str:
        """Where a result is, or would be."""
        return files.join(self.folder, key[:2], key + suffix)

    def find(self, key: str, suffix: str) -> str | None:
        """The path of a finished result; None where there is none."""
        path = self.path(key, suffix)
        return path if files.exists(path) else None

    @contextlib.contextmanager
    def write(self, key: str, suffix: str) -> Iterator[BinaryIO]:
        """A stream that becomes the result when the block ends well, and vanishes otherwise."""
        writer = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"
        with files.atomic_write(self.path(key, suffix), writer) as stream:
            yield stream


def result_key(made_by: Mapping[str, object], made_of: Mapping[str, object]) -> str:
    """The key of a result, 64 hex digits.

    Args:
        made_by: backend, version, weights' hash, parameters, prompt hash: whatever changes results.
        made_of: hashes of the input, and the span of it that was used.

    Raises:
        TypeError: something is not JSON.

    >>> result_key({"backend": "a"}, {"input": "1"})[:8]
    '163bbba5'
    """
    return hashlib.sha256(
        orjson.dumps([dict(made_by), dict(made_of)], option=orjson.OPT_SORT_KEYS)
    ).hexdigest()


def file_sha256(path: str) -> str:
    """The hash of a file's bytes; a local file that did not change is read once a process.

    Raises:
        UsageError: it cannot be read.
    """
    if "://" in path:
        return _digest(path)
    try:
        found = Path(path).stat()
    except OSError:
        return _digest(path)  # says what is wrong
    return _local_digest(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=_KEPT_HASHES)
def _local_digest(path: str, size: int, modified_ns: int) -> str:
    return _digest(path)


def _digest(path: str) -> str:
    with files.open_read(path) as stream:
        digest = hashlib.sha256()
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
        return digest.hexdigest()
