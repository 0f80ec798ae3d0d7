"""What rules can read in the title of an episode: plain marks, and which names stand in it.

All functions take titles as :func:`pipelines.stages.episode_numbers.normalised` gives them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.stages.episode_numbers import marked_numbers, normalised

BRACKETS = "《》〈〉<>「」『』【】[]()\"'“”‘’ "  # around a name
_LEAST_SHARED = 0.5  # of a name's words: room for another spelling, none for another name
_NAMED = re.compile(r"《([^《》]+)》")
_ASIDE = re.compile(r"\[[^\]]*\]|【[^】]*】|\([^)]*\)")  # [ENG SUB], 【高清】, (Starring ...)
_WORD = re.compile(r"[㐀-鿿豈-﫿]|[^\W_㐀-鿿豈-﫿]+")


@dataclass(frozen=True)
class TitleGuess:
    """What a title marks plainly; None where it marks nothing, or several things."""

    series: str | None
    episode: str | None  # in the normal form of numbers


def read_title(title: str) -> TitleGuess:
    """The name in 《》, else the words before the mark of the episode; and the one mark there is.

    >>> read_title("《云落河湾》第3集 雨夜 | 某剧场")
    TitleGuess(series='云落河湾', episode='3')
    >>> read_title("[ENG SUB] The Tinker's Bridge EP04 (Starring Somebody)")
    TitleGuess(series="The Tinker's Bridge", episode='4')
    >>> read_title("Behind the scenes of 《云落河湾》 and 《白露渡》")
    TitleGuess(series=None, episode=None)
    """
    marks = marked_numbers(title)
    numbers = {mark.number for mark in marks}
    named = set(_NAMED.findall(title))
    series = named.pop() if len(named) == 1 else ""
    if not series and not named and marks:
        series = _ASIDE.sub(" ", title[: marks[0].start])
    series = normalised(series).strip(BRACKETS + "-|:,、·")
    return TitleGuess(series or None, numbers.pop() if len(numbers) == 1 else None)


def head_of(title: str) -> str:
    """The title up to its first mark of an episode, where something stands there.

    >>> head_of("《云落河湾》第3集 雨夜"), head_of("第3集 云落河湾")
    ('《云落河湾》', '第3集 云落河湾')
    """
    marks = marked_numbers(title)
    head = title[: marks[0].start].strip() if marks else ""
    return head if _words(head) else title


def has_name(title: str, name: str) -> bool:
    """Whether at least half of a name's words stand in the title, a Chinese character being one.

    >>> has_name("The Tinker's Bridge 2 EP04", "Tinkers Bridge 2"), has_name("白露渡", "White Dew")
    (True, False)
    """
    words, there = _words(name), set(_words(title))
    return bool(words) and sum(word in there for word in words) >= _LEAST_SHARED * len(words)


def is_same_name(one: str, other: str) -> bool:
    """Whether one name holds the other, whatever stands between the words.

    >>> is_same_name("白露渡", "白露渡 White Dew Ferry"), is_same_name("白露渡", "")
    (True, False)
    """
    first, second = "".join(_words(one)), "".join(_words(other))
    return bool(first) and bool(second) and (first in second or second in first)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
