"""Does a description name a character? FlexiVoice A.3 wants no names in a description.

The rule, in full. A character's *names* are the whole name and, for the speaking character, each
word of it that is itself a name: not a title or particle (CAPTAIN, von), not a number, not a
single letter, and in a CJK name not a single character. Other characters of the same game count,
too, by their whole name, since models like to say who is being spoken to.

Latin and other alphabets: names match folded (no case, no accents) and at word boundaries.

- A whole name of several words is a leak however it is written ("like yae miko").
- One word that is no ordinary word is a leak however it is written ("paimon", "PAIMON"); of
  *another* character only with a capital.
- One word that also is an ordinary word (CHIEF, ORACLE, SEC, Grace) or has two letters is a leak
  only where it is written as a name: in capitals throughout, or with a capital inside a sentence.
  "Slow, like an old chief", "Chief among his moods is anger" and "a 3 sec pause" are no leaks;
  "Speak as CHIEF does" and "the way Chief would" are. Where more than half of the words inside
  sentences have a capital, capitals say nothing and such a word is no leak.

CJK: a name of two or more characters matches as a substring; one that is written in katakana must
not continue a longer katakana word (レイ is not in プレイ), and a hangul one must not continue a
word to its left. Role words (船长) and single characters (空) cannot be told from ordinary text and
are never taken for a name. Declined names (Cyrillic "Анны" for "Анна") are not found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pipelines.stages.ordinary_words import CJK, LATIN, TITLES
from pipelines.stages.wording import words_of

_CJK_LETTER = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_HAS_CJK = re.compile(f"[{_CJK_LETTER}]")
_CJK_SEPARATORS = re.compile(r"[\s·・‧•=＝\-‐、,]+")
_KANA = r"\u30a1-\u30fa\u30fc-\u30fe"  # katakana without the middle dot
_KATAKANA = re.compile(f"[{_KANA}]+")
_HANGUL = re.compile(r"[\uac00-\ud7af]+")
_WORD = re.compile(rf"[^\W_{_CJK_LETTER}]+")
_SENTENCE_END = '.!?…:;\n。！？：；"“”„«»(（「『—–'


@dataclass(frozen=True, slots=True)
class Names:
    """What to look for on behalf of one character."""

    phrases: frozenset[tuple[str, ...]]  # whole names of several words
    words: frozenset[str]  # names of one word, and words of the name
    cjk: frozenset[str]

    def first_words(self) -> frozenset[str]:
        """Folded words of which a text must have one to name the character, CJK apart."""
        return self.words | {phrase[0] for phrase in self.phrases}


NOBODY = Names(frozenset(), frozenset(), frozenset())


@lru_cache(maxsize=16384)
def names_of(character: str, whole_only: bool = False) -> Names:
    """The names of one character, folded.

    >>> sorted(names_of("Captain Rosa von Berg").words)
    ['berg', 'rosa']
    >>> sorted(names_of("八重 神子").cjk)
    ['八重', '八重 神子', '八重神子', '神子']
    """
    cjk: set[str] = set()
    if _HAS_CJK.search(character):
        parts = _CJK_SEPARATORS.split(character)
        cjk = {character.strip(), "".join(parts), *([] if whole_only else parts)}
        cjk = {name for name in cjk if len(name) > 1 and name not in CJK and _HAS_CJK.search(name)}
    words = [word for word in words_of(character) if not _HAS_CJK.search(word)]
    words = [word for word in words if not word[0].isdigit()]
    whole = tuple(words)
    single = set(whole if len(whole) == 1 else ())
    if len(whole) > 1 and not whole_only:
        single = {word for word in whole if word not in TITLES}
    return Names(
        phrases=frozenset([whole] if len(whole) > 1 else []),
        words=frozenset(word for word in single if len(word) > 1),
        cjk=frozenset(cjk),
    )


def names_of_all(characters: Iterable[str]) -> Names:
    """The whole names of several characters together.

    >>> sorted(names_of_all(["Yae Miko", "JOE"]).words)
    ['joe']
    """
    names = [names_of(character, whole_only=True) for character in characters]
    return Names(
        phrases=frozenset().union(*(one.phrases for one in names)),
        words=frozenset().union(*(one.words for one in names)),
        cjk=frozenset().union(*(one.cjk for one in names)),
    )


def leaked_name(description: str, character: str, others: Names = NOBODY) -> str | None:
    """The first name found, as the description writes it; None where there is none.

    Args:
        description: a style description.
        character: who speaks.
        others: the names of the game's characters.

    >>> leaked_name("Tease him the way Faye does.", "FAYE")
    'Faye'
    >>> leaked_name("Slow and deep, like an old chief.", "CHIEF") is None
    True
    >>> leaked_name("Slow and deep, as CHIEF speaks.", "CHIEF")
    'CHIEF'
    >>> leaked_name("Ask Joe gently.", "FAYE", names_of_all(["JOE"]))
    'Joe'
    """
    found = _Written(description)
    own = names_of(character)
    return (
        found.phrase(own.phrases)
        or found.word(own.words, capital=False)
        or found.cjk(own.cjk)
        or found.phrase(others.phrases)
        or found.word(others.words, capital=True)
        or found.cjk(others.cjk)
    )


class _Written:
    """A description's words as written and as folded, and where capitals mean something."""

    def __init__(self, description: str) -> None:
        self._text = unicodedata.normalize("NFC", description)
        matches = list(_WORD.finditer(self._text))
        self._written = [match.group() for match in matches]
        self._starts = [match.start() for match in matches]
        self._folded = [_fold_word(written) for written in self._written]

    @cached_property
    def _capitals_tell(self) -> bool:
        inside = [
            written
            for written, start in zip(self._written, self._starts, strict=True)
            if not self._opens_sentence(start)
        ]
        capitals = sum(written[0].isupper() for written in inside)
        return 2 * capitals <= len(inside)

    def phrase(self, phrases: Set[tuple[str, ...]]) -> str | None:
        """The first place where the words of a phrase follow one another."""
        lengths = sorted({len(phrase) for phrase in phrases})
        for at in range(len(self._folded)):
            for length in lengths:
                if tuple(self._folded[at : at + length]) in phrases:
                    return " ".join(self._written[at : at + length])
        return None

    def word(self, names: Set[str], *, capital: bool) -> str | None:
        """The first word that is one of the names and is written as one.

        Args:
            names: folded names of one word.
            capital: whether a name that is no ordinary word needs a capital, too.
        """
        for at, folded in enumerate(self._folded):
            if folded in names and self._is_name(at, capital):
                return self._written[at]
        return None

    def cjk(self, names: Iterable[str]) -> str | None:
        """The first of the names that stands in the text and is not part of a longer word."""
        for name in sorted(name for name in names if name in self._text):
            pattern = re.escape(name)
            if _KATAKANA.fullmatch(name):
                pattern = rf"(?<![{_KANA}]){pattern}(?![{_KANA}])"
            elif _HANGUL.fullmatch(name):
                pattern = rf"(?<![\uac00-\ud7af]){pattern}"
            if re.search(pattern, self._text):
                return name
        return None

    def _is_name(self, at: int, capital: bool) -> bool:
        written = self._written[at]
        if len(written) > 2 and self._folded[at] not in LATIN:
            return not capital or written[0].isupper()
        if not self._capitals_tell or not written[0].isupper():
            return False
        return written.isupper() or not self._opens_sentence(self._starts[at])

    def _opens_sentence(self, start: int) -> bool:
        before = self._text[:start].rstrip(" \t'‘’*_")
        return not before or before[-1] in _SENTENCE_END


@lru_cache(maxsize=65536)
def _fold_word(written: str) -> str:
    return "".join(words_of(written))
