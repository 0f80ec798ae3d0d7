"""Gzip as a forward stream that gives every byte it can before it complains.

The standard library's reader throws away up to a buffer of good bytes when a file breaks off.
"""

from __future__ import annotations

import io
import os
import zlib
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK_BYTES = 1 << 16
_GZIP = 31  # window bits: zlib's largest, behind a gzip header


class GunzipStream(io.RawIOBase):
    """Unpacked bytes of a gzip file of one or more members, read forward only.

    >>> import gzip
    >>> cut = gzip.compress(bytes(100)) + gzip.compress(os.urandom(9000))[:5000]
    >>> stream = io.BufferedReader(GunzipStream(io.BytesIO(cut)))
    >>> len(stream.read(5000))
    5000
    """

    def __init__(self, packed: BinaryIO) -> None:
        """Takes the packed stream at its start."""
        super().__init__()
        self._packed = packed
        self._decoder = zlib.decompressobj(_GZIP)
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True, though forward only."""
        return True

    def tell(self) -> int:
        """Bytes unpacked so far."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Skips forward by unpacking.

        Raises:
            io.UnsupportedOperation: the place lies behind, or counts from the end.
        """
        target = offset + (self._position if whence == os.SEEK_CUR else 0)
        if whence == os.SEEK_END or target < self._position:
            raise io.UnsupportedOperation("a gzip stream is read forward only")
        while self._position < target:
            if not self._unpack(min(_CHUNK_BYTES, target - self._position)):
                break
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Unpacks into the buffer; 0 at the end.

        Raises:
            EOFError: the file breaks off; everything before was given.
            zlib.error: the file is damaged here.
        """
        view = memoryview(buffer)
        content = self._unpack(len(view))
        view[: len(content)] = content
        return len(content)

    def _unpack(self, limit: int) -> bytes:
        while True:
            if self._decoder.eof:
                # Members follow each other, and zeros may fill up the last block of a tape.
                packed = (self._decoder.unused_data or self._read()).lstrip(b"\0")
                while not packed:
                    chunk = self._read()
                    if not chunk:
                        return b""
                    packed = chunk.lstrip(b"\0")
                self._decoder = zlib.decompressobj(_GZIP)
            else:
                packed = self._decoder.unconsumed_tail or self._read()
                if not packed:
                    raise EOFError("the gzip file breaks off")
            content = self._decoder.decompress(packed, limit)
            if content:
                self._position += len(content)
                return content

    def _read(self) -> bytes:
        return self._packed.read(_CHUNK_BYTES)
