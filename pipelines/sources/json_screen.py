"""JSON from outside, before a streaming parser sees it: what takes such a parser down or for ever.

Two things: whole numbers that Python would not convert, which the parser's C code does not expect
to be refused and takes the process down with; and values nested without end, on which its time
grows with the square of the depth.
"""

from __future__ import annotations

import re
from typing import BinaryIO

import numpy as np

from pipelines.sources.base import Refusal
from schemas import Reason

MAX_DEPTH = 100  # of objects and lists in each other; the dumps have 3 to 5
_MAX_DIGITS = 4300  # of a whole number, Python's own limit
_ENDLESS_NUMBER = re.compile(rb"[0-9]{%d}" % (_MAX_DIGITS + 1))
_BODY = rb'(?:[^"\\]++|\\.)*+'  # of a string, as far as it goes
# Strings are dropped, but for one that the chunk leaves open.
_STRING = re.compile(rb'"' + _BODY + rb'"|("' + _BODY + rb"\\?\Z)", re.DOTALL)
_REST = re.compile(_BODY + rb'"', re.DOTALL)  # of a string that began in an earlier chunk
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"{[")], _STEPS[list(b"}]")] = 1, -1


class ScreenedJson:
    """A stream of JSON without numbers of thousands of digits and without endless nesting.

    >>> import io
    >>> ScreenedJson(io.BytesIO(b'{"a": ["[[["]}')).read()
    b'{"a": ["[[["]}'
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Takes the stream at the start of a value."""
        self._stream, self._before = stream, b""
        self._depth, self._in_string, self._escaped = 0, False, False

    def read(self, size: int = -1) -> bytes:
        """See :meth:`io.RawIOBase.read`.

        Raises:
            Refusal: TRANSCRIPT_INVALID; what came before was given.
        """
        chunk = self._stream.read(size)
        if _ENDLESS_NUMBER.search(self._before + chunk):
            raise _damaged(f"a number of more than {_MAX_DIGITS} digits")
        self._before = (self._before + chunk)[-_MAX_DIGITS:]
        if self._deepest(chunk) > MAX_DEPTH:
            raise _damaged(f"more than {MAX_DEPTH} objects and lists in each other")
        return chunk

    def _deepest(self, chunk: bytes) -> int:
        if self._in_string:
            rest = _REST.match(chunk, int(self._escaped))
            if rest is None:
                self._leave_open(chunk[int(self._escaped) :])
                return self._depth
            chunk = chunk[rest.end() :]
        plain, quote, left_open = _STRING.sub(rb"\1", chunk).partition(b'"')
        self._in_string = bool(quote)
        self._leave_open(left_open)
        brackets = plain.translate(None, _NOT_BRACKETS)
        if not brackets:
            return self._depth
        steps = _STEPS[np.frombuffer(brackets, np.uint8)]
        depths = self._depth + np.cumsum(steps, dtype=np.int64)
        self._depth = int(depths[-1])
        return int(depths.max())

    def _leave_open(self, text: bytes) -> None:
        """Notes whether the last character of an open string escapes the next one."""
        self._escaped = (len(text) - len(text.rstrip(b"\\"))) % 2 == 1


def _damaged(what: str) -> Refusal:
    return Refusal(Reason.TRANSCRIPT_INVALID, f"{what}; the file is damaged from here on")
