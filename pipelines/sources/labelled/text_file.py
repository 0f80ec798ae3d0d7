"""A corpus's text file whose encoding nobody states: byte order mark, then the settings' list."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from pipelines import files
from pipelines.errors import UsageError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SNIFFED = 4096  # bytes looked at for the zeros of UTF-16


def read_text(path: str, encodings: Sequence[str]) -> str:
    """The whole of a text file; one speaker's or one corpus's table, never the corpus itself.

    Raises:
        UsageError: the file cannot be read, or is in none of the encodings.
    """
    with files.open_read(path) as stream:
        content = stream.read()
    text = decode(content, encodings)
    if text is None:
        raise UsageError(
            f"{path}: text in none of {', '.join(encodings)}; "
            "name its encoding in the source's settings: encodings"
        )
    return text


def decode(content: bytes, encodings: Sequence[str]) -> str | None:
    r"""The text by its byte order mark, by the zeros of UTF-16, or in the first that fits.

    None where nothing fits, or an encoding's name is not known to Python.

    >>> [decode("中立".encode(name), ["utf-8", "gb18030"]) for name in ("utf-16", "gb18030")]
    ['中立', '中立']
    >>> decode("a\tb".encode("utf-16-le"), ["utf-8"])
    'a\tb'
    >>> decode(b"\xff", ["utf-8"]) is None
    True
    """
    marked = (name for mark, name in _MARKS if content.startswith(mark))
    guesses = [next(marked, None), _zeros(content[:_SNIFFED])]
    for name in (*(guess for guess in guesses if guess), *encodings):
        try:
            return content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return None


def _zeros(head: bytes) -> str | None:
    """UTF-16 without a mark: ids, tabs and English letters have a zero in every other byte."""
    if head[1::2].count(0) > len(head) // 8:
        return "utf-16-le"
    return "utf-16-be" if head[::2].count(0) > len(head) // 8 else None
