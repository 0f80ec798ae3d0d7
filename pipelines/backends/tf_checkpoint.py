"""The tensors of a TensorFlow checkpoint, read without TensorFlow.

A checkpoint is two files. The index is a sorted-string table as LevelDB writes it: blocks of keys
that share prefixes, found through an index block, found through a footer of 48 bytes. Its values
are small protocol-buffer messages: the data type, shape, offset and size of each tensor. The data
file is the tensors one after the other, raw, little-endian.

Read here is what checkpoints of models hold: one data file, float32, nothing compressed, no tensor
in slices; a counter of training steps (int64) is passed over. Everything else is an error. No
length is believed before it is checked: the files come from outside. The checksums inside are
passed over, since the hash of the whole files is pinned.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UsageError

_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # after each block: its compression, its checksum
_MAX_INDEX_BYTES = 1 << 24  # the index of a model with a thousand tensors has 40 kB
_MAX_DIMENSIONS, _MAX_LENGTH = 8, 1 << 32  # of a tensor
_FLOAT32, _INT64 = 1, 9  # DT_FLOAT, DT_INT64
_HEADER_KEY = b""
_BLOCK_ENDS = "a block ends too early"


class _Damaged(Exception):
    """What is wrong with the file at hand; gets the file's name before it leaves this module."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a tensor is in the data file."""

    shape: tuple[int, ...]
    offset: int  # bytes
    size: int  # bytes


def read_checkpoint(index: Path, data: Path) -> dict[str, NDArray[np.float32]]:
    """All tensors of numbers with a fraction, by name.

    Args:
        index: the file that ends in ``.index``.
        data: the file that ends in ``.data-00000-of-00001``.

    Raises:
        UsageError: a file cannot be read, or is not as described above.
    """
    try:
        if index.stat().st_size > _MAX_INDEX_BYTES:
            raise UsageError(f"{index}: too big for the index of a TensorFlow checkpoint")
        entries = _read_index(index.read_bytes())
    except OSError as error:
        raise UsageError(f"{index}: {error.strerror}") from error
    except _Damaged as error:
        raise UsageError(f"{index}: not the index of a TensorFlow checkpoint: {error}") from error
    tensors: dict[str, NDArray[np.float32]] = {}
    try:
        with data.open("rb") as stream:
            present = data.stat().st_size
            if sum(entry.size for entry in entries.values()) > present:
                raise UsageError(f"{data}: smaller than the tensors of {index}")
            for name, entry in entries.items():
                if entry.offset + entry.size > present:
                    raise UsageError(f"{data}: ends before the tensor {name} of {index}")
                stream.seek(entry.offset)
                flat = np.frombuffer(stream.read(entry.size), dtype="<f4")
                tensors[name] = flat.reshape(entry.shape)
    except OSError as error:
        raise UsageError(f"{data}: {error.strerror}") from error
    return tensors


def _read_index(table: bytes) -> dict[str, _Entry]:
    if len(table) < _FOOTER_BYTES:
        raise _Damaged("shorter than a footer")
    footer = table[-_FOOTER_BYTES:]
    if struct.unpack_from("<Q", footer, _FOOTER_BYTES - 8)[0] != _MAGIC:
        raise _Damaged("it does not end in a sorted-string table's footer")
    _, at = _handle(footer, 0)  # of the block of meta data, which is not needed
    place, _ = _handle(footer, at)
    entries: dict[str, _Entry] = {}
    for _, handle in _pairs(_block(table, place)):
        for key, value in _pairs(_block(table, _handle(handle, 0)[0])):
            if key == _HEADER_KEY:
                _check_header(value)
                continue
            try:
                name = key.decode("utf-8")
            except UnicodeDecodeError as error:
                raise _Damaged(f"the name of a tensor is not UTF-8: {key!r}") from error
            entry = _entry(name, value)
            if entry is not None:
                entries[name] = entry
    return entries


def _handle(content: bytes, at: int) -> tuple[tuple[int, int], int]:
    """The offset and size of a block, and where to read on."""
    offset, at = _varint(content, at)
    size, at = _varint(content, at)
    return (offset, size), at


def _block(table: bytes, place: tuple[int, int]) -> bytes:
    offset, size = place
    if offset + size + _TRAILER_BYTES > len(table):
        raise _Damaged("a block lies outside the file")
    if table[offset + size] != 0:
        raise _Damaged("a block is compressed")
    return table[offset : offset + size]


def _pairs(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a block; a key is told by what it does not share with the last."""
    if len(block) < 4:
        raise _Damaged(_BLOCK_ENDS)
    restarts = struct.unpack_from("<I", block, len(block) - 4)[0]
    end = len(block) - 4 * (restarts + 1)  # what follows finds keys faster; we read them all
    if end < 0:
        raise _Damaged(_BLOCK_ENDS)
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        rest, at = _varint(block, at)
        length, at = _varint(block, at)
        if shared > len(key) or at + rest + length > end:
            raise _Damaged(_BLOCK_ENDS)
        key = key[:shared] + block[at : at + rest]
        at += rest
        yield key, block[at : at + length]
        at += length


def _check_header(message: bytes) -> None:
    """BundleHeaderProto: 1 number of data files, 2 byte order (0 little), 3 version."""
    fields = dict(_fields(message))
    if fields.get(1, 0) != 1:
        raise _Damaged("it has more than one data file")
    if fields.get(2, 0) != 0:
        raise _Damaged("its data is big-endian")


def _entry(name: str, message: bytes) -> _Entry | None:
    """BundleEntryProto: 1 type, 2 shape, 3 data file, 4 offset, 5 size, 6 checksum, 7 slices."""
    shape: tuple[int, ...] = ()
    numbers = {1: 0, 3: 0, 4: 0, 5: 0}
    for field, value in _fields(message):
        if field == 2 and isinstance(value, bytes):
            shape = tuple(_dimensions(value))
        elif field in numbers and isinstance(value, int):
            numbers[field] = value
        elif field == 7:
            raise _Damaged(f"the tensor {name} is in slices")
    if numbers[1] == _INT64:
        return None
    if numbers[1] != _FLOAT32 or numbers[3] != 0:
        raise _Damaged(f"the tensor {name} is not float32 in the first data file")
    if len(shape) > _MAX_DIMENSIONS or max(shape, default=0) > _MAX_LENGTH:
        raise _Damaged(f"the tensor {name} has a shape that no network has")
    if numbers[5] != 4 * math.prod(shape):
        raise _Damaged(f"the tensor {name} has {numbers[5]} bytes, which is not its shape {shape}")
    return _Entry(shape, numbers[4], numbers[5])


def _dimensions(message: bytes) -> Iterator[int]:
    """TensorShapeProto: 2 a dimension, whose 1 is its size."""
    for field, value in _fields(message):
        if field == 2 and isinstance(value, bytes):
            size = dict(_fields(value)).get(1, 0)
            if isinstance(size, int):
                yield size


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol-buffer message as number and value, in their order."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            length, at = _varint(message, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise _Damaged(f"a field of a kind that is not known: {kind}")
        if at + length > len(message):
            raise _Damaged("a field ends outside its message")
        yield tag >> 3, message[at : at + length]
        at += length


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number in base 128, low digits first, at most 64 bits; and where to read on."""
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(content):
            raise _Damaged("a number ends outside its block")
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _Damaged("a number has more than 64 bits")
