"""Descriptions as numbers: scripts, words and hashes of their wording, a whole column at once.

A wording is a description without what does not make it a different one: case, accents,
punctuation and spacing are folded away ("Softly - as a Fiancé!" and "softly as a fiance" are one
wording). A word is a run of letters, digits and marks ("don't" is two words); a Han or kana
character is a word of its own, since Chinese and Japanese put no spaces between words.

Everything is computed on one array of characters. Rows of ASCII, where a byte is a character and
every letter is Latin, take half a microsecond; others, on code points, three. Going through
Arrow's regular expressions takes ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.hashes import hash_wordings, hash_words
from pipelines.stages.letters import BREAK, DROPPED, Script, folded, scripts
from schemas.arrays import from_numpy, strings, utf8_of
from schemas.facts import Hashes

Counts = NDArray[np.signedinteger[Any]]
_ASCII = 128


@dataclass(frozen=True)
class Wordings:
    """What is known of each description; one entry a row, except for the two of the words."""

    words: Counts
    letters: Counts
    script_letters: Counts  # [rows, len(Script)]: letters of each script
    whole: Hashes  # of the whole wording; 0 where there is no word
    opening: Hashes  # of its first words; 0 where it is not longer than an opening
    word_hashes: Hashes  # [words of all rows], the words of a row in their order
    word_rows: Counts  # [words of all rows]: the row that a word stands in


def measure(descriptions: Sequence[str], opening_words: int) -> Wordings:
    """Measures descriptions.

    An opening is the first ``opening_words`` words, a Han or kana character counting as half a
    word. A description that does not go on after its opening has none (its whole wording is
    counted anyway).

    >>> one = measure(["Softly, SOFTLY now!", "softly softly now", "轻声"], opening_words=2)
    >>> one.words.tolist(), one.letters.tolist()
    ([3, 3, 2], [15, 15, 2])
    >>> bool(one.whole[0] == one.whole[1]), bool(one.opening[0] == one.opening[1])
    (True, True)
    >>> int(one.opening[2])
    0
    """
    return measure_column(strings(descriptions), opening_words)


def measure_column(column: pa.StringArray, opening_words: int) -> Wordings:
    """Measures descriptions as :func:`measure` does, straight from Arrow's memory; none is null."""
    data, edges = utf8_of(column)
    wide = np.zeros(len(column), dtype=bool)  # rows with anything but ASCII
    wide[np.searchsorted(edges, np.flatnonzero(data >= _ASCII), side="right") - 1] = True
    if not wide.any():
        return _measure_ascii(data, edges, opening_words)
    data, edges = utf8_of(column.filter(from_numpy(wide)))
    codes = np.frombuffer(data.tobytes().decode("utf-8").encode("utf-32-le"), dtype=np.uint32)
    begins = (data & 0xC0) != 0x80  # the bytes that begin a character of UTF-8
    measured = _measure_codes(codes, _running(begins)[edges], opening_words)
    if wide.all():
        return measured
    plain = _measure_ascii(*utf8_of(column.filter(from_numpy(~wide))), opening_words)
    return _interleave(plain, measured, np.flatnonzero(~wide), np.flatnonzero(wide))


def words_of(text: str) -> list[str]:
    """The folded words of one text.

    >>> words_of("Zoë's CHIEF-like tone"), words_of("像Joe一样")
    (['zoe', 's', 'chief', 'like', 'tone'], ['像', 'joe', '一', '样'])
    """
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    plain = folded()[codes]
    alone = np.isin(scripts()[codes], (Script.HAN, Script.KANA))[plain != DROPPED]
    plain = plain[plain != DROPPED]
    spaced = plain.repeat(np.where(alone, 3, 1))  # room for a space on either side
    place = np.flatnonzero(alone) + 2 * np.arange(int(alone.sum()))
    spaced[place] = spaced[place + 2] = BREAK
    spaced[spaced == BREAK] = ord(" ")
    text = str(spaced.tobytes(), "utf-32-le")
    return text.split()


def _measure_ascii(data: NDArray[np.uint8], edges: Counts, opening_words: int) -> Wordings:
    """Rows of ASCII: a byte is a character, every letter is Latin, every word is one word."""
    rows = len(edges) - 1
    plain = np.take(folded()[:_ASCII].astype(np.uint8), data)
    letters = np.diff(_running(plain >= ord("a"))[edges])  # what is folded is lower case
    word_starts, words, word_rows = _words(plain != BREAK, edges)
    word_hashes = hash_words(plain, word_starts)
    script_letters = np.zeros((rows, len(Script)), dtype=np.int64)
    script_letters[:, Script.LATIN] = letters
    number = np.arange(len(word_rows)) - (np.cumsum(words) - words)[word_rows]  # in its row
    opens = (number < opening_words) & (words[word_rows] > opening_words)
    return Wordings(
        words=words,
        letters=letters,
        script_letters=script_letters,
        whole=_hash_rows(word_hashes, word_rows, rows),
        opening=_hash_rows(word_hashes[opens], word_rows[opens], rows, opening=True),
        word_hashes=word_hashes,
        word_rows=word_rows,
    )


def _measure_codes(codes: NDArray[np.uint32], edges: Counts, opening_words: int) -> Wordings:
    """Rows of any script, as code points."""
    rows = len(edges) - 1
    script = scripts()[codes]
    script_letters = np.zeros((rows, len(Script)), dtype=np.int64)
    for one in np.flatnonzero(np.bincount(script, minlength=len(Script))):
        if one != Script.NONE:
            script_letters[:, one] = np.diff(_running(script == one)[edges])

    plain = folded()[codes]
    present = plain != DROPPED
    if not present.all():
        plain, script, edges = plain[present], script[present], _running(present)[edges]
    alone = (script == Script.HAN) | (script == Script.KANA)
    word_starts, words, word_rows = _words(plain != BREAK, edges, alone)
    word_hashes = hash_words(plain, word_starts)

    halves = np.where(alone[word_starts], 1, 2)
    reached = _running(halves)
    last = np.cumsum(words)
    before, after = reached[last - words], reached[last]
    limit = 2 * opening_words
    opens = (reached[1:] - before[word_rows] <= limit) & ((after - before)[word_rows] > limit)
    return Wordings(
        words=words,
        letters=script_letters.sum(axis=1),
        script_letters=script_letters,
        whole=_hash_rows(word_hashes, word_rows, rows),
        opening=_hash_rows(word_hashes[opens], word_rows[opens], rows, opening=True),
        word_hashes=word_hashes,
        word_rows=word_rows,
    )


def _words(
    inside: NDArray[np.bool_], edges: Counts, alone: NDArray[np.bool_] | None = None
) -> tuple[Counts, Counts, Counts]:
    """(where each word begins, words of each row, the row of each word).

    Args:
        inside: whether a character is part of a word.
        edges: of the rows.
        alone: whether a character is a word of its own.
    """
    starts = inside.copy()
    if alone is None:
        starts[1:] &= ~inside[:-1]
    else:
        starts[1:] &= ~inside[:-1] | alone[1:] | alone[:-1]
    firsts = edges[:-1][edges[:-1] < edges[1:]]
    starts[firsts] = inside[firsts]
    found = np.flatnonzero(starts)
    words = np.diff(np.searchsorted(found, edges))
    return found, words, np.repeat(np.arange(len(words)), words)


def _hash_rows(
    word_hashes: Hashes, word_rows: Counts, rows: int, *, opening: bool = False
) -> Hashes:
    """One hash for each row that has words, of their sequence; 0 for the others."""
    hashes = np.zeros(rows, dtype=np.uint64)
    firsts = np.flatnonzero(np.diff(word_rows, prepend=-1))
    hashes[word_rows[firsts]] = hash_wordings(word_hashes, firsts, opening=opening)
    return hashes


def _interleave(one: Wordings, other: Wordings, rows: Counts, other_rows: Counts) -> Wordings:
    """Two sets of rows as one, each at its places."""
    order = np.argsort(np.concatenate([rows, other_rows]))
    places = (rows[one.word_rows], other_rows[other.word_rows])
    return Wordings(
        words=np.concatenate([one.words, other.words])[order],
        letters=np.concatenate([one.letters, other.letters])[order],
        script_letters=np.concatenate([one.script_letters, other.script_letters])[order],
        whole=np.concatenate([one.whole, other.whole])[order],
        opening=np.concatenate([one.opening, other.opening])[order],
        word_hashes=np.concatenate([one.word_hashes, other.word_hashes]),
        word_rows=np.concatenate(places),
    )


def _running(steps: NDArray[Any]) -> Counts:
    """Sums before each step and after the last."""
    sums = np.zeros(len(steps) + 1, dtype=np.int32)  # an array of Arrow has fewer than 2**31
    np.cumsum(steps, out=sums[1:], dtype=np.int32)
    return sums
