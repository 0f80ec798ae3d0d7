"""Numbers of episodes as titles write them, in one normal form.

The normal form is a text: ``12``; ``1-2`` for a video that holds several episodes; ``5上``,
``5 part 2`` for one that holds a part of one. Numbers are below 10,000, without leading zeros.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_ONES = {character: value for value, character in enumerate("零一二三四五六七八九")}
_ONES |= {"〇": 0, "两": 2, "兩": 2}
_TENS = {"十": 10, "百": 100, "廿": 20, "卅": 30}
_WORDS = {
    word: value
    for value, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen twenty".split(),
        start=1,
    )
}
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50}

_MOST = 100  # episodes in one video; more is a year or some other number

_HAN = "[零〇一二三四五六七八九十百两兩廿卅]{1,7}"
_NUMBER = rf"(?:(?<![0-9])[0-9]{{1,4}}(?![0-9])|{_HAN})"
_TO = r"\s*(?:[-~–—&至到]|to\b)\s*"
_PART = (
    r"(?:\s*[(\[【]?\s*"
    r"(?:(?P<half>[上中下])(?=$|[^\w]|[集部])|(?:part|pt)\.?\s*(?P<part>[0-9]{1,2})))?"
)
_MARKERS = tuple(
    re.compile(pattern + _PART, re.IGNORECASE)
    for pattern in (
        rf"第\s*(?P<first>{_NUMBER})(?:\s*[集話话回]?{_TO}第?\s*(?P<last>{_NUMBER}))?\s*[集話话回]",
        r"(?<![a-z0-9])s[0-9]{1,2}\s*e(?P<first>[0-9]{1,4})(?![0-9a-z])(?P<last>)",
        r"(?:(?<![a-z])(?:episodes?|eps?)\s*[.:#-]?\s*|(?<![a-z0-9])(?<!s[0-9] )e)"
        r"(?P<first>[0-9]{1,4})(?![0-9])"
        # With spaces around it, a dash may as well begin something else: "EP 5 - 3 brothers".
        r"(?:(?:\s*[-~–]\s*(?:episode|ep|e)\s*|[-~–]|\s*(?:&|to\b)\s*)"
        r"(?P<last>[0-9]{1,4})(?![0-9]))?",
    )
)
_PLAIN = re.compile(
    rf"#?\s*(?P<first>{_NUMBER})(?:{_TO}(?P<last>{_NUMBER}))?\s*[集話话回]?{_PART}[)\]】]?",
    re.IGNORECASE,
)
_NONE = frozenset({"", "null", "none", "n/a", "unknown", "无", "未知", "不详"})
_FINALE = re.compile(
    r"(?:grand |series |season )?finale|final|(?:大)?结局|大結局|最终集", re.IGNORECASE
)


@dataclass(frozen=True)
class Marked:
    """An explicit mark of an episode in a title."""

    number: str  # in the normal form
    start: int  # where the mark begins, in characters of the normalised title


def normalised(text: str) -> str:
    """Compatible forms of one character as one (``０１`` is ``01``), nothing unseen, spaces single.

    >>> normalised("【ＥＰ０２】　大江")
    '【EP02】 大江'
    """
    plain = unicodedata.normalize("NFKC", text)
    return " ".join("".join(c for c in plain if c.isprintable() or c.isspace()).split())


def marked_numbers(title: str) -> list[Marked]:
    """Every explicit mark of an episode in a normalised title, from left to right.

    A bare number is no mark, and neither are seasons (第二季) and totals (全40集).

    >>> [mark.number for mark in marked_numbers("[ENG SUB] Mountain Town S02E05, 第十二集(上)")]
    ['5', '12上']
    """
    found: dict[int, str] = {}
    for marker in _MARKERS:
        for match in marker.finditer(title):
            number = _normal(match)
            if number is not None:
                found.setdefault(match.start(), number)
    return [Marked(number, start) for start, number in sorted(found.items())]


def episode_number(text: str) -> str | None:
    """The normal form of a number however it is written; None for no number, or only a finale.

    Raises:
        ValueError: the text is something else.

    >>> [episode_number(text) for text in ("EP02", "第十二集", "03", "5 (下)", "1-2", "大结局", "")]
    ['2', '12', '3', '5下', '1-2', None, None]
    """
    text = normalised(text)
    if text.casefold() in _NONE or _FINALE.fullmatch(text):
        return None
    marks = {mark.number for mark in marked_numbers(text)}
    if len(marks) == 1:
        return marks.pop()
    match = _PLAIN.fullmatch(text)
    number = _normal(match) if match and not marks else None
    if number is None:
        raise ValueError('not the number of an episode: write it in digits, as in "12", or null')
    return number


def numbers_in(text: str) -> set[int]:
    """Every number that a normalised text holds, in digits, Chinese, English words or Roman.

    >>> sorted(numbers_in("Season II, 第十二集, Episode Four of 40"))
    [2, 4, 12, 40]
    """
    found = {int(digits) for digits in re.findall(r"[0-9]+", text) if len(digits) < 9}
    found.update(value for han in re.findall(_HAN, text) if (value := _read(han)) is not None)
    for word in re.findall(r"[a-z]+", text.casefold()):
        if word in _WORDS:
            found.add(_WORDS[word])
        elif not set(word) - set(_ROMAN):
            found.add(_read_roman(word))
    return found


def values(number: str) -> set[int]:
    """The episodes that a number in the normal form names; the part is left out.

    >>> sorted(values("1-2")), values("5 part 2"), values("7上")
    ([1, 2], {5}, {7})
    """
    return {int(digits) for digits in re.findall(r"[0-9]+", number.partition(" ")[0])}


def _normal(match: re.Match[str]) -> str | None:
    first, last = _read(match["first"]), _read(match["last"]) if match["last"] else None
    if first is None or (match["last"] and (last is None or not first < last < first + _MOST)):
        return None
    number = str(first) if last is None else f"{first}-{last}"
    if match["half"]:
        return number + match["half"]
    return f"{number} part {int(match['part'])}" if match["part"] else number


def _read(number: str) -> int | None:
    """Digits or a Chinese numeral below 1,000 (or spoken digit by digit); None for neither."""
    if number.isascii():
        return int(number)
    if not set(number) & _TENS.keys():
        return (
            int("".join(str(_ONES[character]) for character in number)) if len(number) < 5 else None
        )
    total = 0
    for value, unit in _terms(number):
        if unit and total and total % (unit * 10):
            return None  # 十百: not a numeral
        total += value
    return total


def _terms(number: str) -> Iterator[tuple[int, int]]:
    """The addends of a numeral with 十 or 百, each with its unit; 0 is the unit of a last digit."""
    ones: int | None = None
    for character in number:
        if character in _ONES:
            ones = _ONES[character]
            continue
        unit = _TENS[character]
        yield (unit, 10) if unit in (20, 30) else ((1 if ones is None else ones) * unit, unit)
        ones = None
    yield (ones or 0), 0


def _read_roman(word: str) -> int:
    digits = [_ROMAN[character] for character in word]
    return sum(
        -digit if digit < following else digit
        for digit, following in zip(digits, [*digits[1:], 0], strict=True)
    )
