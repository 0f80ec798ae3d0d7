r"""The words of a game's line: markup and player placeholders out of the text, pure functions.

What a game's text files hold is written for a screen. Rules, in the order of the code:

=============================  =================================================================
``#text``                      the mark of a text with placeholders: cut
``\n`` (two characters)         a line break: a blank
``<color=#FFD780FF>…</color>``  tags: cut, what they enclose stays
``{RUBY_B#reading}…{RUBY_E#}``  reading aids: cut, the words they stand above stay
``{LINK#…}…{/LINK}``            links and pictures: cut, what they enclose stays
``{M#he}{F#she}``              the form for the chosen player character, the other one is cut
``{PLAYERAVATAR#SEXPRO[A|B]}`` A for a male player, B for a female one
``{MATEAVATAR#SEXPRO[A|B]}``   the player's twin of the other sex: the other way round
``{NICKNAME}``                 the player's name: what the actors of that game say in its place
``(sigh)``                     one Latin word in brackets is a sound, not a word: cut
=============================  =================================================================

Anything else in braces (``{REALNAME[…]}``, ``{TEXTJOIN#…}``, a pronoun with no word known for the
language) stands for spoken words that the text does not give. Guessing would pair audio with wrong
words, so such a line is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SILENT = re.compile(r"/?(RUBY(_[BE])?|LINK|SPRITE_PRESET|IMG|IMAGE)(#.*)?|NON_BREAK_SPACE", re.S)
_CHOICE = re.compile(r"(PLAYERAVATAR|MATEAVATAR)#?SEXPRO\[([^\[\]|]*)\|([^\[\]|]*)\]")
_SOUND = re.compile(r"\(\s*[A-Za-z]+[.!]?\s*\)|\*[A-Za-z]+\*|\[[A-Za-z]+\]")
_LETTER = re.compile(r"[^\W\d_]")
_BLANKS = re.compile(r"(?:\s|\\n)+")

# SEXPRO options are mostly keys of the game's tables; these are the ones whose word is certain.
_PRONOUNS: dict[str, dict[str, str]] = {
    "INFO_MALE_PRONOUN_HE": {"en": "he", "zh": "他"},
    "INFO_MALE_PRONOUN_SHE": {"en": "she", "zh": "她"},
    "INFO_FEMALE_PRONOUN_SHE": {"en": "she", "zh": "她"},
    "INFO_FEMALE_PRONOUN_HE": {"en": "he", "zh": "他"},
    "INFO_MALE_PRONOUN_BROTHER": {"en": "brother", "zh": "哥哥"},
    "INFO_FEMALE_PRONOUN_BROTHER": {"en": "brother", "zh": "哥哥"},
    "INFO_FEMALE_PRONOUN_SISTER": {"en": "sister", "zh": "妹妹"},
    "INFO_MALE_PRONOUN_SISTER": {"en": "sister", "zh": "妹妹"},
    "INFO_FEMALE_PRONOUN_SISTERA": {"en": "sister", "zh": "姐姐"},
}


class UnspokenText(ValueError):
    """The text holds a placeholder for words that it does not give."""


@dataclass(frozen=True)
class Player:
    """Who the player is, as far as lines depend on it."""

    gender: str = "male"  # male | female
    names: Mapping[str, str] = field(default_factory=dict)  # ISO 639-1 -> what {NICKNAME} sounds as


def clean_text(text: str, language: str, player: Player) -> str:
    r"""The spoken words of a line; empty when it has none. Cleaning twice changes nothing.

    Args:
        text: as shipped.
        language: ISO 639-1 code.
        player: what stands for the player.

    Raises:
        UnspokenText: a placeholder stands for words that are not in the text.

    >>> player = Player("male", {"en": "Traveler"})
    >>> clean_text("#{NICKNAME}, {M#he}{F#she} is <color=#FFD780FF>here</color>!", "en", player)
    'Traveler, he is here!'
    >>> clean_text("{PLAYERAVATAR#SEXPRO[uncle|aunt]}\\nand {RUBY_B#x}me{RUBY_E#}", "en", player)
    'uncle and me'
    >>> clean_text("(sigh)", "en", player)
    ''
    >>> clean_text("I am {REALNAME[ID(1)|HOSTONLY(true)]}.", "en", player)
    Traceback (most recent call last):
    pipelines.sources.game_text.UnspokenText: {REALNAME[ID(1)|HOSTONLY(true)]}
    """

    def spoken(match: re.Match[str]) -> str:
        return _spoken(match, language, player)

    previous = None
    while text != previous:  # what is inside markup may be markup; every round shortens it
        previous = text
        text = _clean_once(text, spoken)
    if "{" in text or "}" in text:
        raise UnspokenText(text[:80])
    return text if _LETTER.search(text) else ""


def _clean_once(text: str, spoken: Callable[[re.Match[str]], str]) -> str:
    text = _BLANKS.sub(" ", text)
    text = text.strip().lstrip("#")
    text = _TAG.sub("", text)
    text = _PLACEHOLDER.sub(spoken, text)
    text = _SOUND.sub("", text)
    return _BLANKS.sub(" ", text).strip()


def _spoken(match: re.Match[str], language: str, player: Player) -> str:
    inner = match[1]
    male = player.gender == "male"
    if inner == "NICKNAME" and language in player.names:
        return player.names[language]
    if inner[:2] in ("M#", "F#"):
        return inner[2:] if (inner[0] == "M") == male else ""
    if _SILENT.fullmatch(inner):
        return " " if inner == "NON_BREAK_SPACE" else ""
    choice = _CHOICE.fullmatch(inner)
    if choice is not None:
        option = choice[2] if (choice[1] == "PLAYERAVATAR") == male else choice[3]
        if not option.startswith("INFO_"):
            return option
        if language in _PRONOUNS.get(option, ()):
            return _PRONOUNS[option][language]
    raise UnspokenText(match[0][:80])
