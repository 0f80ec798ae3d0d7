"""This machine's files by the system's own calls, all others through Beam's file systems.

Importing Beam takes longer than many a command does its work, so it is imported when the first
address like ``gs://`` comes. :mod:`pipelines.files` is what the rest of the project calls.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import posixpath
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO

_WILD = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Found:
    """A file that matches a pattern, and its size in bytes."""

    path: str
    size: int


def is_local(path: str) -> bool:
    """Whether the path is one of this machine; everything else is an address."""
    return "://" not in path


def check(path: str) -> None:
    """That there is a file system for the path.

    Raises:
        ValueError: there is none.
    """
    if not is_local(path):
        _beam().get_filesystem(path)


def open_read(path: str) -> BinaryIO:
    """The bytes at an address, compressed or not."""
    stream: BinaryIO = _beam().open(path, compression_type=_uncompressed())
    return stream


def create(path: str) -> BinaryIO:
    """A new file for writing, in a folder that is made where it is missing."""
    if is_local(path):
        os.makedirs(posixpath.dirname(path) or ".", exist_ok=True)  # noqa: PTH103
        return open(path, "wb")  # noqa: PTH123, SIM115  (the caller closes it)
    stream: BinaryIO = _beam().create(path, compression_type=_uncompressed())
    return stream


def rename(path: str, target: str) -> None:
    """Gives a file another name; takes the place of a file of that name."""
    if is_local(path):
        os.replace(path, target)  # noqa: PTH105  (paths here are str, also URLs)
    else:
        _beam().rename([path], [target])


def make_folders(folder: str) -> None:
    """The folder and its parents.

    Raises:
        OSError: it is there already, or cannot be made.
    """
    if is_local(folder):
        os.makedirs(folder)  # noqa: PTH103
    else:
        _beam().mkdirs(folder)


def exists(path: str) -> bool:
    """Whether a file or folder is there."""
    return os.path.exists(path) if is_local(path) else bool(_beam().exists(path))  # noqa: PTH110


def delete(paths: list[str]) -> None:
    """Removes files."""
    for path in filter(is_local, paths):
        with contextlib.suppress(FileNotFoundError):  # another worker was faster
            os.remove(path)  # noqa: PTH107
    far = [path for path in paths if not is_local(path)]
    if far:
        _beam().delete(far)


def match(pattern: str) -> list[Found]:
    """The files that match a glob pattern, in any order.

    Beam says what a pattern means (``**`` crosses folders); one whose only wildcards are in the
    name, which is nearly all, means the same to a listing of its folder.
    """
    folder, name = posixpath.split(pattern)
    if is_local(pattern) and folder and name and "**" not in name and not _WILD.search(folder):
        return _listed(folder, name)
    found = _beam().match([pattern])[0].metadata_list
    return [Found(str(one.path), int(one.size_in_bytes)) for one in found]


def _listed(folder: str, name: str) -> list[Found]:
    if not _WILD.search(name):
        path = posixpath.join(folder, name)
        sizes = [os.path.getsize(path)] if os.path.exists(path) else []  # noqa: PTH110, PTH202
        return [Found(path, size) for size in sizes]
    matches = re.compile(fnmatch.translate(name)).match
    found = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if matches(entry.name) and not entry.is_dir():
                with contextlib.suppress(FileNotFoundError):  # gone since, or a link to nowhere
                    path = posixpath.join(folder, entry.name)
                    found.append(Found(path, entry.stat().st_size))
    return found


@cache
def _beam() -> Any:  # noqa: ANN401  (Beam's class, which nothing here may import before)
    from apache_beam.io.filesystems import FileSystems

    return FileSystems


def _uncompressed() -> str:
    from apache_beam.io.filesystem import CompressionTypes

    return str(CompressionTypes.UNCOMPRESSED)
