"""Files by path or URL (through Beam's file systems): ``gs://`` works as a local path does.

Whole files appear at once: they are written under a temporary name and renamed. A reader never
sees half a file, and a crash leaves only temporary names behind, which readers skip.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from manifests.storage import open_regular
from pipelines import file_systems
from pipelines.errors import StageFailed, UsageError

TEMPORARY_SUFFIX = ".tmp"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def join(*parts: str) -> str:
    """Path parts joined with ``/``, on every file system."""
    return posixpath.join(*parts)


def open_read(path: str) -> BinaryIO:
    """The file's bytes as they are, compressed or not.

    Raises:
        UsageError: there is no such file, it may not be read, or it is a pipe or a device.
    """
    try:
        if "://" not in path:  # a real file object: seekable, buffered, a descriptor of its own
            return open(path, "rb", opener=open_regular)  # noqa: PTH123  (paths are str, also URLs)
        _check(path)
        return file_systems.open_read(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_text(path: str) -> str:
    """The whole of a small UTF-8 file.

    Raises:
        UsageError: the file cannot be read or is not UTF-8.
    """
    with open_read(path) as stream:
        content = stream.read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text: {error}") from error


@contextlib.contextmanager
def atomic_write(path: str, writer: str = "") -> Iterator[BinaryIO]:
    """A binary stream that becomes ``path`` when the block ends well, and vanishes otherwise.

    Args:
        path: of the file.
        writer: who writes, where several may write the same file at the same time: each then has
            a temporary file of its own.

    Raises:
        StageFailed: the disk is full.
    """
    with _disk_full_said(path):
        with _whole_or_nothing(path, writer) as stream:
            yield stream


@contextlib.contextmanager
def _disk_full_said(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise StageFailed(
            f"{path}: no room to write it ({error.strerror}); "
            "free some space and run the same command again"
        ) from error


@contextlib.contextmanager
def _whole_or_nothing(path: str, writer: str) -> Iterator[BinaryIO]:
    make_folder(posixpath.dirname(path))
    # Deterministic, so that a second attempt overwrites what a dead first one left.
    temporary = f"{path}.{zlib.crc32((path + writer).encode()):08x}{TEMPORARY_SUFFIX}"
    stream = file_systems.create(temporary)
    try:
        with stream:
            yield stream
            stream.flush()
            if "://" not in path:
                os.fsync(stream.fileno())
    except BaseException:
        file_systems.delete([temporary])
        raise
    file_systems.rename(temporary, path)


def write_text(path: str, text: str) -> None:
    """A small UTF-8 file, whole or not at all."""
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))


def make_folder(folder: str) -> None:
    """The folder and its parents, if they are not there yet."""
    if folder and not exists(folder):
        with contextlib.suppress(OSError):  # another worker made it in the meantime
            file_systems.make_folders(folder)


def exists(path: str) -> bool:
    """Whether a file or folder is there."""
    _check(path)
    return file_systems.exists(path)


def list_files(pattern: str, *, temporary: bool = False) -> list[str]:
    """All files that match a glob pattern, sorted; temporary ones left out unless asked for."""
    _check(pattern)
    paths = (found.path for found in file_systems.match(pattern))
    return sorted(path for path in paths if temporary or not path.endswith(TEMPORARY_SUFFIX))


def sizes(pattern: str) -> dict[str, int]:
    """All finished files that match a glob pattern -> their bytes; opens none of them."""
    _check(pattern)
    found = {one.path: one.size for one in file_systems.match(pattern)}
    return {path: found[path] for path in sorted(found) if not path.endswith(TEMPORARY_SUFFIX)}


def delete(paths: list[str]) -> None:
    """Removes files; those that are already gone are no error."""
    present = [path for path in paths if exists(path)]
    if present:
        file_systems.delete(present)


def _check(path: str) -> None:
    try:
        file_systems.check(path)
    except ValueError as error:
        raise UsageError(f"{path}: no file system here for such an address") from error
