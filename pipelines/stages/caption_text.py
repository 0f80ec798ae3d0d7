"""The question about a scene's pictures, and what of an answer may become a caption.

A caption is outside data: what a model writes is made one line without control characters, and
an empty or an endless one is no caption.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable

import pydantic

from pipelines.stages.style import LANGUAGE_NAMES

_INVISIBLE = ("Cf", "Co", "Cs")  # format marks (overrides of direction, say), private, halves


class CaptionReply(pydantic.BaseModel):
    """What a server answers."""

    model_config = pydantic.ConfigDict(frozen=True)

    caption: str


def one_line(text: str) -> str:
    r"""The text as one line of visible characters.

    >>> one_line(" A dim\nkitchen,\x07 at\u202e dawn. ")
    'A dim kitchen, at dawn.'
    """
    kept = (
        " " if unicodedata.category(character) == "Cc" else character
        for character in text
        if unicodedata.category(character) not in _INVISIBLE
    )
    return " ".join("".join(kept).split())


def fault_of(text: str, max_characters: int) -> str:
    """What is wrong with a caption that is one line; "" for nothing.

    >>> fault_of("", 10), fault_of("A kitchen.", 10), fault_of("A kitchen. ", 10)
    ('the caption is empty', '', 'the caption has 11 characters, more than 10: write less')
    """
    if not any(map(str.isalnum, text)):
        return "the caption is empty"
    if len(text) > max_characters:
        return f"the caption has {len(text)} characters, more than {max_characters}: write less"
    return ""


def reply_check(max_characters: int) -> Callable[[CaptionReply], str]:
    """What a request checks its reply with."""
    return lambda reply: fault_of(one_line(reply.caption), max_characters)


def caption_question(language: str) -> str:
    """The JSON that follows the pictures.

    Raises:
        ValueError: a language that prompts have no name for.

    >>> caption_question("zh")
    '{"write in": "Chinese"}'
    """
    if language not in LANGUAGE_NAMES:
        known = ", ".join(sorted(LANGUAGE_NAMES))
        raise ValueError(f"caption.language {language}: not one of {known}")
    return json.dumps({"write in": LANGUAGE_NAMES[language]}, ensure_ascii=False)
