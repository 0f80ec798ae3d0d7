"""Arrow arrays from NumPy and Python, and back, without pandas.

`pa.array`, `pa.scalar` and `to_numpy` import pandas wherever it is installed, to see whether it is
pandas that they are given (PyArrow 25). That is a third of the start of a command that has no
other use for it, so what every command does goes by the arrays' buffers instead.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_NUMBERS = {pa.int64(): "q", pa.float64(): "d"}  # type -> as the standard library's arrays say it


def from_numpy(values: NDArray[Any]) -> pa.Array:
    """An array of the same numbers or truth values; numbers in a row in memory are not copied.

    >>> from_numpy(np.array([True, False, True])).to_pylist()
    [True, False, True]
    """
    if values.dtype == np.bool_:
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(
        kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))]
    )


def strings(values: Iterable[str | None]) -> pa.StringArray:
    """An array of strings.

    Raises:
        pa.ArrowTypeError: one is neither a string nor None.

    >>> strings(["a", None, "é"]).to_pylist()
    ['a', None, 'é']
    """
    values = list(values)
    try:
        encoded = [b"" if value is None else str.encode(value) for value in values]
    except TypeError as error:
        raise pa.ArrowTypeError(f"not a string: {error}") from error
    edges = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in encoded], out=edges[1:])
    if edges[-1] > np.iinfo(np.int32).max:
        raise pa.ArrowCapacityError(f"{edges[-1]:,} bytes of strings in one array")
    offsets = pa.py_buffer(edges.astype(np.int32))
    buffers = [_valid(values), offsets, pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """What ``pa.array(values, kind)`` gives, without pandas unless ``kind`` is nested.

    Raises:
        pa.ArrowTypeError: a value is of another type.
        pa.ArrowInvalid: a number is too large.

    >>> array_of([1.5, None], pa.float64()).to_pylist()
    [1.5, None]
    """
    if kind == pa.string():
        return strings(values)
    if kind not in _NUMBERS:
        return pa.array(values, kind)
    try:
        numbers = array(_NUMBERS[kind], [0 if value is None else value for value in values])
    except TypeError as error:
        raise pa.ArrowTypeError(f"no {kind}: {error}") from error
    except OverflowError as error:
        raise pa.ArrowInvalid(f"no {kind}: {error}") from error
    return pa.Array.from_buffers(kind, len(values), [_valid(values), pa.py_buffer(numbers)])


def numbers_of(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """The numbers of a column without nulls; not copied where they are in one piece.

    Raises:
        pa.ArrowTypeError: there is a null, or they are no numbers.

    >>> numbers_of(from_numpy(np.array([3, 5, 8]))[1:]).tolist()
    [5, 8]
    """
    return np.from_dlpack(_in_one_piece(column))


def truths_of(column: pa.BooleanArray | pa.ChunkedArray) -> NDArray[np.bool_]:
    """Whether it is true, row by row; null is not.

    >>> truths_of(pa.chunked_array([[True, None], [False, True]])).tolist()
    [True, False, False, True]
    """
    one = _in_one_piece(column)
    valid, values = (_bools(buffer, one) for buffer in one.buffers())
    return valid & values


def utf8_of(
    column: pa.StringArray | pa.ChunkedArray,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The UTF-8 of all rows, not copied, and the edges of the rows in it; a null row is empty.

    >>> data, edges = utf8_of(strings(["ab", "c"])[1:])
    >>> data.tobytes(), edges.tolist()
    (b'c', [0, 1])
    """
    one = _in_one_piece(column)
    _, offsets, data = one.buffers()
    edges = np.zeros(1, dtype=np.int64)
    if len(one):
        edges = np.frombuffer(offsets, dtype=np.int32, count=one.offset + len(one) + 1)
        edges = edges[one.offset :].astype(np.int64)
    used = np.frombuffer(b"" if data is None else data, dtype=np.uint8)
    return used[edges[0] : edges[-1]], edges - edges[0]


def _in_one_piece(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _bools(bits: pa.Buffer | None, of: pa.Array) -> NDArray[np.bool_]:
    if bits is None or not len(of):
        return np.ones(len(of), dtype=np.bool_)
    count = of.offset + len(of)
    unpacked = np.unpackbits(np.frombuffer(bits, np.uint8), count=count, bitorder="little")
    return unpacked[of.offset :].view(np.bool_)


def _bits(values: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))


def _valid(values: Sequence[object]) -> pa.Buffer | None:
    """The bitmap of what is not null; None where nothing is."""
    there = np.array([value is not None for value in values], dtype=np.bool_)
    return None if there.all() else _bits(there)
