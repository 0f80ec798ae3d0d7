"""Kaldi's tables, ``key value`` a line: read as streams, and joined without being held.

A million lines are no reason for a million objects. :class:`KaldiTable` is asked for keys in the
order of another table, the one that leads. What it has to keep is what it had to read past:

* both sorted: keys of its own that the leading table does not have;
* both in the same order, sorted or not: nothing;
* anything else: the lines up to the key that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from pipelines import files
from pipelines.errors import UsageError

_LINE_BYTES = 1 << 20  # a transcript has hundreds; more is a file of something else


class TableLine(NamedTuple):
    """One line of a table."""

    number: int  # from 1, for messages
    key: str
    value: str  # empty where the line has a key alone


class TableFacts(NamedTuple):
    """What a first look at a table tells."""

    encoding: str
    is_sorted: bool  # by key, as Kaldi's own tools sort


def survey(uri: str, encodings: Sequence[str]) -> TableFacts:
    """Reads a table once, to its end, keeping nothing.

    Args:
        uri: of the table.
        encodings: tried in this order; the first one that fits all of the file is taken.

    Raises:
        UsageError: the table cannot be read, or is in none of the encodings; names the line.
    """
    failed = ""
    for encoding in encodings:
        try:
            return TableFacts(encoding, _is_sorted(uri, encoding))
        except _WrongEncoding as error:
            failed = failed or str(error)
    raise UsageError(f"{failed}; convert the file, or set encodings for this source")


def table_lines(uri: str, encoding: str = "utf-8") -> Iterator[TableLine]:
    """The lines of a table in file order; blank ones are left out.

    Raises:
        UsageError: the file cannot be read, is not in this encoding, or has no lines at all.
    """
    with files.open_read(uri) as stream:
        for number, line in enumerate(iter(partial(stream.readline, _LINE_BYTES), b""), start=1):
            if len(line) == _LINE_BYTES:
                raise UsageError(f"{uri}:{number}: over {_LINE_BYTES} bytes, is this a table?")
            try:
                text = line.decode(encoding)
            except (UnicodeDecodeError, LookupError) as error:
                raise _WrongEncoding(f"{uri}:{number}: not {encoding}: {error}") from error
            if number == 1:
                text = text.removeprefix("\ufeff")
            words = text.split(maxsplit=1)
            if words:
                yield TableLine(number, words[0], words[1].strip() if len(words) > 1 else "")


def small_table(uri: str, encodings: Sequence[str]) -> dict[str, str]:
    """A whole table that fits into memory, such as one line a speaker; a key's first line counts.

    Raises:
        UsageError: as :func:`survey`.
    """
    found: dict[str, str] = {}
    for line in table_lines(uri, survey(uri, encodings).encoding):
        found.setdefault(line.key, line.value)
    return found


class KaldiTable:
    """One table, asked for the keys of the table that leads, in that one's order."""

    def __init__(self, uri: str, encodings: Sequence[str], *, lead_is_sorted: bool) -> None:
        """Surveys the table.

        Raises:
            UsageError: as :func:`survey`.
        """
        facts = survey(uri, encodings)
        self.uri = uri
        self._lines = table_lines(uri, facts.encoding)
        self._sorted = lead_is_sorted and facts.is_sorted
        self._next: TableLine | None = None
        self._last: TableLine | None = None
        self._passed: dict[str, TableLine] = {}
        self._repeated: list[TableLine] = []

    @property
    def held(self) -> int:
        """Lines in memory now."""
        return len(self._passed) + len(self._repeated)

    def find(self, key: str) -> str | None:
        """The value of a key; None where the table has no such line.

        Asked for the same key twice in a row, it gives the same value.
        """
        if self._last is not None and self._last.key == key:
            return self._last.value
        found = self._passed.pop(key, None) or self._read_to(key)
        if found is None:
            return None
        self._last = found
        return found.value

    def _read_to(self, key: str) -> TableLine | None:
        while True:
            line = self._next or next(self._lines, None)
            self._next = None
            if line is None or line.key == key:
                return line
            if self._sorted and line.key > key:
                self._next = line
                return None
            self._pass(line)

    def _pass(self, line: TableLine) -> None:
        is_repeated = self._last is not None and self._last.key == line.key
        if is_repeated or line.key in self._passed:
            self._repeated.append(line)
        else:
            self._passed[line.key] = line

    def unasked(self) -> Iterator[TableLine]:
        """After the last key: lines whose key was never asked for, in file order."""
        while (line := self._next or next(self._lines, None)) is not None:
            self._next = None
            self._pass(line)
        yield from sorted([*self._passed.values(), *self._repeated])


class _WrongEncoding(UsageError):
    """The file is in another encoding; another one may be tried."""


def _is_sorted(uri: str, encoding: str) -> bool:
    last, is_sorted = "", True
    for line in table_lines(uri, encoding):
        is_sorted = is_sorted and last <= line.key
        last = line.key
    return is_sorted
