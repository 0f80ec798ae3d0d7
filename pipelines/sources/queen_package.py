"""Finds ``queen.1c`` in what a person has: the Debian package, its unpacked tree, or the file."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from manifests.storage import open_regular
from pipelines.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PACKAGE = "flight-of-the-amazon-queen"
CONTAINER = "queen.1c"
INSTALLED = Path("/usr/share/scummvm") / PACKAGE / CONTAINER
CONTAINER_SHA256 = "cc91960d133fcd4173eda4bac304e80d2bbdbaa085640287ab9e0507bd603f67"

# The licence wants both to stay with every copy.
_LICENCE_FILES = {
    "readme.txt.gz": "readme.txt",
    "readme.txt": "readme.txt",
    "copyright": "copyright",
}
_AR_MARK = b"!<arch>\n"
MAX_UNPACKED_BYTES = 1 << 28  # of the package's files; the game has 60 MB
MAX_TEXT_BYTES = 1 << 20  # of a licence text; they have some KB


@dataclass(frozen=True)
class QueenPackage:
    """The container, open, and the texts that must go with what is made of it."""

    container: BinaryIO
    licence_texts: dict[str, bytes] = field(default_factory=dict)  # file name -> content


@contextlib.contextmanager
def open_package(path: Path, sha256: str = CONTAINER_SHA256) -> Iterator[QueenPackage]:
    """Opens the game's container, whatever form it comes in, after comparing its hash.

    Args:
        path: the ``.deb``, a folder it was unpacked into, or ``queen.1c`` itself.
        sha256: what the container must hash to, in hexadecimal.

    Raises:
        UsageError: there is no container there, or not the one that the readers were checked with.
    """
    if path.is_dir():
        found = sorted(path.rglob(CONTAINER))
        if not found:
            raise UsageError(f"{path}: no {CONTAINER} in this folder")
        path = found[0]
    try:
        stream = open(path, "rb", opener=open_regular)  # noqa: PTH123  (pathlib takes no opener)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    with stream, contextlib.ExitStack() as stack:
        if stream.read(len(_AR_MARK)) == _AR_MARK:
            container = cast(BinaryIO, stack.enter_context(tempfile.TemporaryFile()))
            texts = _unpack(path, stream, container)
        else:
            container, texts = stream, _texts_beside(path)
        container.seek(0)
        found_sha256 = _sha256(container)
        if found_sha256 != sha256:
            raise UsageError(
                f"{path}: not the {CONTAINER} of {PACKAGE} 1.0.0: its SHA-256 is {found_sha256}"
            )
        yield QueenPackage(container, texts)


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _unpack(path: Path, package: BinaryIO, container: BinaryIO) -> dict[str, bytes]:
    """Copies the container out of a .deb, and returns the licence texts."""
    texts: dict[str, bytes] = {}
    is_found = False
    try:
        _seek_payload(package)
        unpacked = _Bounded(_decompressed(package), MAX_UNPACKED_BYTES)
        with tarfile.open(fileobj=unpacked, mode="r|") as archive:
            for member in archive:
                if member.size < 0:  # tarfile would give this member for ever
                    raise ValueError(f"{member.name}: a size of {member.size} bytes")
                name = PurePosixPath(member.name)
                content = archive.extractfile(member) if member.isfile() else None
                if content is None:
                    continue
                if name.name == CONTAINER:
                    shutil.copyfileobj(content, container, 1 << 20)
                    is_found = True
                elif name.name in _LICENCE_FILES and name.parent.name == PACKAGE:
                    packed = content.read(MAX_TEXT_BYTES + 1)
                    texts[_LICENCE_FILES[name.name]] = _plain(name.name, packed)
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError, OSError) as error:
        raise UsageError(f"{path}: a damaged Debian package: {error}") from error
    if not is_found:
        raise UsageError(f"{path}: no {CONTAINER} in this package; expected {PACKAGE}")
    return texts


def _seek_payload(package: BinaryIO) -> None:
    """Moves to the start of ``data.tar.*`` in an ar archive whose mark was read."""
    while len(header := package.read(60)) == 60:
        if header[:9] == b"data.tar.":
            return
        size = int(header[48:58])
        if size < 0:  # would be gone over again and again
            raise ValueError(f"a part of {size} bytes in it")
        package.seek(size + size % 2, 1)
    raise ValueError("no data.tar in it")


def _texts_beside(container: Path) -> dict[str, bytes]:
    """The licence texts of an unpacked or installed package: usr/share/doc/<package>/."""
    texts = {}
    for share in container.parents:
        for name, plain_name in _LICENCE_FILES.items():
            found = share / "doc" / PACKAGE / name
            if found.is_file():
                with open(found, "rb", opener=open_regular) as stream:  # noqa: PTH123
                    packed = stream.read(MAX_TEXT_BYTES + 1)
                try:
                    texts[plain_name] = _plain(name, packed)
                except (zlib.error, EOFError, ValueError, OSError) as error:
                    raise UsageError(f"{found}: a damaged licence text: {error}") from error
    return texts


def _plain(name: str, content: bytes) -> bytes:
    if name.endswith(".gz"):
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as unpacked:
            content = unpacked.read(MAX_TEXT_BYTES + 1)
    if len(content) > MAX_TEXT_BYTES:
        raise ValueError(f"{name}: more than {MAX_TEXT_BYTES} bytes, which is no licence text")
    return content


def _decompressed(package: BinaryIO) -> BinaryIO:
    """``data.tar`` at the place of the package, by its first bytes, as Debian packs it."""
    at = package.tell()
    mark = package.read(6)
    package.seek(at)
    for known, module in ((b"\x1f\x8b", gzip), (b"\xfd7zXZ\0", lzma), (b"BZh", bz2)):
        if mark.startswith(known):
            return cast(BinaryIO, module.open(package))
    return package


class _Bounded(io.RawIOBase):
    """A stream of which no more than so many bytes may be read: bombs unpack to anything."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        super().__init__()
        self._stream, self._limit, self._left = stream, limit, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        content = self._stream.read(len(view))
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(f"it unpacks to more than {self._limit} bytes")
        view[: len(content)] = content
        return len(content)
