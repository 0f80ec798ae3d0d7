"""What a character is to a description: its script, and what it is folded to in a wording.

Tables over all of Unicode, made once a process in a tenth of a second.
"""

from __future__ import annotations

import enum
import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray


class Script(enum.IntEnum):
    """Script of a letter, as far as languages are told apart by it."""

    NONE = 0  # not a letter
    OTHER = 1
    LATIN = 2
    HAN = 3
    KANA = 4
    HANGUL = 5
    CYRILLIC = 6
    GREEK = 7
    ARABIC = 8
    HEBREW = 9
    DEVANAGARI = 10
    THAI = 11


_BLOCKS: tuple[tuple[Script, int, int], ...] = (  # Unicode blocks, both ends included
    (Script.LATIN, 0x0041, 0x024F),
    (Script.LATIN, 0x1E00, 0x1EFF),
    (Script.LATIN, 0x2C60, 0x2C7F),
    (Script.LATIN, 0xA720, 0xA7FF),
    (Script.LATIN, 0xFB00, 0xFB06),
    (Script.LATIN, 0xFF21, 0xFF5A),
    (Script.GREEK, 0x0370, 0x03FF),
    (Script.GREEK, 0x1F00, 0x1FFF),
    (Script.CYRILLIC, 0x0400, 0x052F),
    (Script.HEBREW, 0x0590, 0x05FF),
    (Script.ARABIC, 0x0600, 0x06FF),
    (Script.ARABIC, 0x0750, 0x077F),
    (Script.DEVANAGARI, 0x0900, 0x097F),
    (Script.THAI, 0x0E00, 0x0E7F),
    (Script.HANGUL, 0x1100, 0x11FF),
    (Script.KANA, 0x3040, 0x30FF),
    (Script.HANGUL, 0x3130, 0x318F),
    (Script.KANA, 0x31F0, 0x31FF),
    (Script.HAN, 0x3005, 0x3007),
    (Script.HAN, 0x3400, 0x4DBF),
    (Script.HAN, 0x4E00, 0x9FFF),
    (Script.HANGUL, 0xAC00, 0xD7AF),
    (Script.HAN, 0xF900, 0xFAFF),
    (Script.KANA, 0xFF66, 0xFF9F),
    (Script.HAN, 0x20000, 0x323AF),
)
_CODES = 0x110000
_LAST_LETTER = 0x323AF  # of Unicode 15, as Python 3.11 has it
BREAK, DROPPED = 0, 1  # in the table of folded code points: ends a word; is not there at all


@cache
def scripts() -> NDArray[np.uint8]:
    """Code point -> script."""
    table = np.zeros(_CODES, dtype=np.uint8)
    characters = np.arange(_LAST_LETTER + 1, dtype=np.uint32).view("U1")
    table[: _LAST_LETTER + 1][np.strings.isalpha(characters)] = Script.OTHER
    for script, first, last in _BLOCKS:
        block = table[first : last + 1]
        block[block != Script.NONE] = script
    return table


@cache
def folded() -> NDArray[np.uint32]:
    """Code point -> the code point it is folded to, or a break, or dropped."""
    table = np.zeros(_CODES, dtype=np.uint32)
    kept = scripts() != Script.NONE
    table[kept] = np.flatnonzero(kept)
    special = (Script.HAN, Script.HANGUL)  # nothing to fold in the two biggest blocks
    for code in np.flatnonzero(~np.isin(scripts()[: _LAST_LETTER + 1], special)).tolist():
        character = chr(code)
        if unicodedata.category(character)[0] in "LNM":  # letters, digits, marks
            table[code] = _fold(character, code)
    table[0x0300:0x0370] = DROPPED  # combining accents
    return table


def _fold(character: str, code: int) -> int:
    """Lower case without accents, where that is one character; else the character itself."""
    plain = unicodedata.normalize("NFKD", character)
    if 0x3040 <= code <= 0x30FF:  # a voiced kana is another letter, not a kana with an accent
        plain = character
    base = "".join(mark for mark in plain if not 0x0300 <= ord(mark) < 0x0370).lower()
    return ord(base) if len(base) == 1 else ord(character.lower()[0])
