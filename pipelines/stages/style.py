"""One utterance -> the question about its style, and the form of the answer (FlexiVoice A.3)."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, cast

import pydantic

# ISO 639-1 -> the name prompts use. A language missing here is answered in the default one.
LANGUAGE_NAMES: dict[str, str] = {
    "de": "German",
    "en": "English",
    "fr": "French",
    "ja": "Japanese",
    "ko": "Korean",
    "zh": "Chinese",
}

# What a direction of the small model must look like; without it, it retells or runs on. The
# adverbs are listed because a grammar with a free one lets it spell endless words.
_MANNERS = (
    "angrily|brightly|briskly|calmly|cheerfully|clearly|firmly|gently|loudly|nervously|playfully|"
    "proudly|quickly|quietly|sadly|seriously|slowly|softly|warmly|wearily|in|like|with"
)
_DIRECTION = rf"^(Speak|Say it|Whisper|Shout) ({_MANNERS})[ ,][A-Za-z ,'-]+\.$"
MAX_TITLE = 500  # characters that are sent; YouTube allows 100
# Characters of each field that are sent: a megabyte would be paid for in every call. YouTube allows
# 500 for all tags; half a minute of fast speech has some 600.
MAX_SENT = {"title": MAX_TITLE, "tags": 2000, "text": 4000}
MAX_NAME = 300  # of a game or character; a longer one is no name, and nobody is asked about it
_URL = re.compile(r"^\s*(https?://|www\.)\S+\s*$", re.IGNORECASE)


class StyleReply(pydantic.BaseModel):
    """A description and how much it is worth; an empty one is the audit's business."""

    model_config = pydantic.ConfigDict(frozen=True)

    description: str
    value: Literal["high", "medium", "low"]

    @pydantic.field_validator("description", mode="after")
    @classmethod
    def _one_line(cls, text: str) -> str:
        return " ".join(text.split())

    @pydantic.field_validator("value", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value


class SmallStyleReply(StyleReply):
    """The same, held to a sentence that begins like a direction: small models drift off."""

    description: Annotated[str, pydantic.Field(pattern=_DIRECTION)]


def style_reply(version: str) -> type[StyleReply]:
    """The reply's form that belongs to a prompt version."""
    return SmallStyleReply if version.endswith(".small") else StyleReply


def answer_language(language: str, allowed: list[str]) -> str:
    """The language to describe an utterance in: its own, or the first allowed one.

    >>> answer_language("zh", ["en", "zh"]), answer_language("fr", ["en", "zh"])
    ('zh', 'en')
    """
    return language if language in allowed else allowed[0]


def usable_title(title: str | None) -> str:
    """The title, or nothing when it is only a web address.

    Other useless titles are left to the model, which is told to ignore them.

    >>> usable_title("https://example.org/v/1"), usable_title("Evening News")
    ('', 'Evening News')
    """
    return "" if title is None or _URL.match(title) else title.strip()


def has_metadata(row: Mapping[str, object]) -> bool:
    """Whether the source video has a title or tags."""
    return bool(str(row["title"] or "").strip() or row["tags"])


def emilia_question(row: Mapping[str, object], language: str) -> str:
    """The variable last message for an utterance of a titled video, cut as ``MAX_SENT`` says."""
    return _question(row, {"title": sent(row, "title"), "tags": sent(row, "tags")}, language)


def game_question(row: Mapping[str, object], profile: Mapping[str, str], language: str) -> str:
    """The variable last message for a line of a game whose character is known."""
    metainfo = {
        "game": row["game"],
        "character": row["character"],
        "personality": profile["personality"],
        "speaking style": profile["speaking_style"],
    }
    return _question(row, metainfo, language)


def _question(row: Mapping[str, object], metainfo: Mapping[str, object], language: str) -> str:
    content = {
        "speech transcript": sent(row, "text"),
        "metainfo": metainfo,
        "write in": LANGUAGE_NAMES[language],
    }
    return json.dumps(content, ensure_ascii=False)


def sent(row: Mapping[str, object], name: str) -> object:
    """What a prompt gets of a field: the start of a text, and of tags those that fit, whole.

    >>> sent({"text": "a" * 5000}, "text") == "a" * 4000
    True
    >>> sent({"tags": ["news", "x" * 2000, "late"]}, "tags")
    ['news']
    """
    value, limit = row[name], MAX_SENT[name]
    if name == "title":
        return usable_title(_text(value))[:limit].strip()
    if isinstance(value, list | tuple):
        ends = itertools.accumulate(len(str(tag)) for tag in value)
        return [tag for tag, end in zip(value, ends, strict=True) if end <= limit]
    return value[:limit].strip() if isinstance(value, str) and len(value) > limit else value


def cut_fields(row: Mapping[str, object], names: Iterable[str]) -> list[str]:
    """Those of the fields that a prompt does not get whole; for the stage's counts."""
    whole = {name: row[name] for name in names}
    if "title" in whole:
        whole["title"] = usable_title(_text(row["title"]))
    if "tags" in whole:
        whole["tags"] = list(cast("Sequence[str]", row["tags"]))
    return [name for name, value in whole.items() if sent(row, name) != value]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
