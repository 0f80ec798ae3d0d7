"""The elements of one array of a huge JSON file, one at a time, in memory that does not grow.

``{"audios": [{...}, {...}]}`` -> the objects, each with the offset of its first byte. Only the
boundaries are found here; each element is then parsed whole by orjson. Where the file is indented,
as WenetSpeech.json is, an object ends at the first line that closes a brace in the column the
object began in: a string holds no raw line break, so that line is structure, and if the bytes up
to it parse as one value, that value is the element, because no valid JSON object is the beginning
of another. Anything else goes through a scanner that follows strings, escapes and brackets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import orjson

from pipelines.errors import StageFailed
from pipelines.sources.json_screen import MAX_DEPTH

ELEMENT_LIMIT_BYTES = 64 << 20  # a day of speech as WenetSpeech writes it takes 15 MB
_CHUNK_BYTES = 1 << 20
_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
# An object that holds plain values and arrays of plain values only, which is what a sentence is.
_FLAT = rb'\{(?:[^{}\[\]"]++|' + _STRING + rb'|\[(?:[^{}\[\]"]++|' + _STRING + rb")*+\])*+\}"
# The lone quote comes last: it is a string that does not end in the bytes at hand.
_TOKEN = re.compile(_FLAT + rb"|" + _STRING + rb'|[{}\[\]"]', re.DOTALL)
_SCALAR = re.compile(rb'[^\s,:{}\[\]"]*+')
_LINE_START = re.compile(rb"\n([ \t]*)\Z")


class DamagedJson(StageFailed):
    """A JSON file that breaks off or is not JSON; the message names the file and the byte."""


class Element(NamedTuple):
    """One element of the array."""

    offset: int  # of its first byte in the file
    value: object


def array_elements(
    stream: BinaryIO,
    name: str,
    key: str,
    *,
    element_limit_bytes: int = ELEMENT_LIMIT_BYTES,
    chunk_bytes: int = _CHUNK_BYTES,
) -> Iterator[Element]:
    r"""The elements of the array under ``key`` of the JSON object that ``stream`` holds.

    Memory is that of one element and a chunk. Values under other keys are checked and dropped.
    Half a surrogate pair (``"\ud800"``) and NaN are let through as Python's json does, for the
    caller to judge; whole numbers beyond 64 bits come as floats.

    Args:
        stream: the file from its beginning.
        name: what messages call the file.
        key: of the array, at the top level.
        element_limit_bytes: a longer element is an error: a quote is missing somewhere.
        chunk_bytes: how much is read at once.

    Raises:
        DamagedJson: not JSON, not an object with such an array, or an element beyond the limit.
            What came before was given.

    >>> import io
    >>> list(array_elements(io.BytesIO(b'{"audios": [{"aid": "Y1"}, 7]}'), "x.json", "audios"))
    [Element(offset=12, value={'aid': 'Y1'}), Element(offset=27, value=7)]
    """
    return _Reader(stream, name, element_limit_bytes, chunk_bytes).elements(key)


class _Reader:
    """A window on the file: ``_buffer`` from file offset ``_base``, read up to ``_at``."""

    def __init__(self, stream: BinaryIO, name: str, limit: int, chunk_bytes: int) -> None:
        self._stream, self._name = stream, name
        self._limit, self._chunk_bytes = limit, chunk_bytes
        self._buffer, self._base, self._at = b"", 0, 0
        self._ended = False
        self._indented = True  # until an object turns up that is not

    def elements(self, key: str) -> Iterator[Element]:
        while len(self._buffer) < 3 and self._fill():
            pass
        if self._buffer.startswith(b"\xef\xbb\xbf"):
            self._at = 3
        self._expect(b"{", "an object")
        seen = False
        if self._peek() == b"}":
            self._at += 1
        else:
            while True:
                if self._peek() != b'"':
                    raise self._error("expected a key in quotes")
                is_array = self._element().value == key
                self._expect(b":", "a colon")
                if is_array:
                    if seen:
                        raise self._error(f'a second "{key}"')
                    seen = True
                    yield from self._array(key)
                else:
                    self._element()
                if not self._more(b"}"):
                    break
        if self._peek():
            raise self._error("the JSON ends here, the file does not")
        if not seen:
            raise self._error(f'an object without "{key}"')

    def _array(self, key: str) -> Iterator[Element]:
        self._expect(b"[", f'a list under "{key}"')
        if self._peek() == b"]":
            self._at += 1
            return
        while True:
            yield self._element()
            if not self._more(b"]"):
                return

    def _more(self, closing: bytes) -> bool:
        """Steps over a comma (True) or over the closing bracket (False)."""
        found = self._peek()
        if found not in (b",", closing):
            raise self._error(f"expected a comma or {closing.decode()}")
        self._at += 1
        return found == b","

    def _expect(self, character: bytes, what: str) -> None:
        if self._peek() != character:
            raise self._error(f"expected {what}")
        self._at += 1

    def _peek(self) -> bytes:
        """The next character that is no white space, at ``_at``; empty at the end of the file."""
        while True:
            found = _SPACE.match(self._buffer, self._at)
            assert found is not None  # it matches the empty string, too
            # The white space before an element tells its column: it stays in the window.
            self._at = found.end()
            if self._at < len(self._buffer) or not self._fill():
                return self._buffer[self._at : self._at + 1]

    def _element(self) -> Element:
        """The value at ``_at``, and the window moved behind it."""
        first = self._peek()
        if first == b"{" and self._indented:
            quick = self._indented_object()
            if quick is not None:
                return quick
        if first in (b"{", b"["):
            end = self._bracket_end()
        elif first == b'"':
            end = self._pattern_end(_TOKEN)
        else:
            end = self._pattern_end(_SCALAR)
        offset = self._base + self._at
        value = self._parse(self._buffer[self._at : end], offset)
        self._at = end
        return Element(offset, value)

    def _indented_object(self) -> Element | None:
        """The object at ``_at`` if its closing brace has a line and the same column."""
        line = _LINE_START.search(self._buffer, max(0, self._at - 256), self._at)
        if line is None:
            return None
        self._indented = False  # so that a file in another style pays for the attempt once
        closing = b"\n" + line.group(1) + b"}"
        searched = self._at
        while (found := self._buffer.find(closing, searched)) < 0:
            searched = max(self._at, len(self._buffer) - len(closing) + 1)
            before = self._at
            if len(self._buffer) - self._at >= self._limit or not self._fill():
                return None
            searched -= before - self._at
        end = found + len(closing)
        try:
            value = orjson.loads(memoryview(self._buffer)[self._at : end])
        except orjson.JSONDecodeError:
            return None  # indented in another way, or damaged: the scanner tells
        self._indented = True
        offset = self._base + self._at
        self._at = end
        return Element(offset, value)

    def _bracket_end(self) -> int:
        """Where the object or array at ``_at`` ends."""
        depth, position = 0, self._at
        while True:
            for token in _TOKEN.finditer(self._buffer, position):
                text = token[0]
                if len(text) > 1:  # a whole string or a whole flat object
                    if depth == 0:
                        return token.end()
                elif text in b"{[":
                    depth += 1
                    if depth > MAX_DEPTH:
                        raise self._error(f"more than {MAX_DEPTH} objects and lists in each other")
                elif text == b'"':
                    position = token.start()
                    break
                else:
                    depth -= 1
                    if depth == 0:
                        return token.end()
                position = token.end()
            else:
                position = len(self._buffer)  # nothing but plain values from there on
            before = self._at
            if not self._fill():
                raise self._broken_off()
            position -= before - self._at

    def _pattern_end(self, pattern: re.Pattern[bytes]) -> int:
        """Where the string or plain value at ``_at`` ends."""
        while True:
            found = pattern.match(self._buffer, self._at)
            end = found.end() if found else self._at
            is_open = end == len(self._buffer) or self._buffer[self._at : end] == b'"'
            if pattern is _TOKEN and end - self._at > 1:
                return end
            if not is_open:
                if end == self._at:
                    raise self._error("expected a value")
                return end
            if not self._fill():
                if pattern is _TOKEN or end == self._at:
                    raise self._broken_off()
                return end

    def _parse(self, text: bytes, offset: int) -> object:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            try:
                return json.loads(text.decode("utf-8"))
            except (ValueError, RecursionError):
                before = error.doc[: error.pos] if isinstance(error.doc, str) else ""
                place = offset + len(before.encode("utf-8", "surrogatepass"))
                raise DamagedJson(f"{self._name}: byte {place}: not JSON: {error.msg}") from error

    def _fill(self) -> bool:
        """Reads on, and drops what is behind; False at the end of the file.

        Raises:
            DamagedJson: the value at hand is beyond the limit.
        """
        if self._ended:
            return False
        kept = max(0, self._at - 256)  # enough to see the column of the value at hand
        held = len(self._buffer) - kept
        if held > self._limit:
            raise self._error(f"one value of more than {self._limit} bytes; is a quote missing?")
        # As much again as is held: a long element is not copied once a chunk.
        more = self._stream.read(max(self._chunk_bytes, held if held > self._chunk_bytes else 0))
        if not more:
            self._ended = True
            return False
        self._buffer = self._buffer[kept:] + more
        self._base += kept
        self._at -= kept
        return True

    def _error(self, what: str) -> DamagedJson:
        end = "" if self._at < len(self._buffer) or not self._ended else " (the file ends here)"
        return DamagedJson(f"{self._name}: byte {self._base + self._at}: {what}{end}")

    def _broken_off(self) -> DamagedJson:
        start, end = self._base + self._at, self._base + len(self._buffer)
        return DamagedJson(
            f"{self._name}: byte {end}: the file ends in the middle of the value that begins at "
            f"byte {start}; fetch it again"
        )
