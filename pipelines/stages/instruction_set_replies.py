"""Replies with generated instructions: their form, by configuration (FlexiVoice A.4).

Each item says which seed it is for, and brings the text that is to be spoken: an instruction for a
football commentary needs words of one. Items are judged one by one, so the forms are loose here and
what must hold is in :mod:`pipelines.stages.instruction_set_items`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, cast

import pydantic
from pydantic import Field

from schemas import PromptOrigin

# What the small model may say of each attribute: it spells out whatever has no list.
_SMALL: Mapping[str, tuple[str, str]] = {  # attribute -> noun, words
    "gender": ("voice", "male|female"),
    "pitch": ("pitch", "low|high|deep|middle"),
    "texture": ("texture", "rough|smooth|breathy|husky|silky"),
    "clarity": ("diction", "crisp|clear|slurred|careful"),
    "fluency": ("flow", "steady|halting|broken|easy"),
    "speed": ("pace", "slow|fast|hurried|even"),
    "accent": ("accent", "British|Scottish|southern|northern|foreign"),
    "age": ("timbre", "childish|youthful|mature|elderly"),
    "volume": ("volume", "soft|loud|moderate|full"),
    "emotion": ("mood", "happy|sad|angry|calm|fearful|surprised"),
    "tone": ("tone", "formal|friendly|mocking|stern|gentle"),
    "personality": ("character", "shy|bold|playful|stubborn|wise"),
}
_SMALL_TEXT = r"^[A-Z][a-z]+( [a-z]+){3,11}\.$"
_SMALL_WHO = "doctor|teacher|sailor|singer|judge|driver|soldier|child|guide|clerk|poet|nurse"
_SMALL_FREE = (
    rf"^(Speak|Whisper|Shout|Read it) like an? [a-z]+ ({_SMALL_WHO}) "
    r"(who|in|on|at)( [a-z]+){2,8}\.$"
)
_SMALL_FEATURES = "Speak with "


class _Item(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)

    seed: int

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _one_line(cls, value: object) -> object:
        return " ".join(value.split()) if isinstance(value, str) else value


class DictionaryItem(_Item):
    """Acoustic attributes and what each is like."""

    description: dict[str, str]
    text: str


class FeaturesItem(_Item):
    """An instruction, and the words of it that state each attribute."""

    instruction: str
    features: dict[str, str]
    text: str


class FreeItem(_Item):
    """An instruction as people write them."""

    instruction: str
    text: str


class Reply(pydantic.BaseModel):
    """What all replies are: items."""

    model_config = pydantic.ConfigDict(frozen=True)

    items: list[Any]  # of one of the items above


class _DictionaryReply(Reply):
    items: list[DictionaryItem]


class _FeaturesReply(Reply):
    items: list[FeaturesItem]


class _FreeReply(Reply):
    items: list[FreeItem]


_FORMS: Mapping[PromptOrigin, type[Reply]] = {
    PromptOrigin.DICTIONARY: _DictionaryReply,
    PromptOrigin.FEATURES: _FeaturesReply,
    PromptOrigin.FREE: _FreeReply,
}


def reply_form(origin: PromptOrigin, version: str, attributes: Sequence[str]) -> type[Reply]:
    """The form of a reply.

    Args:
        origin: the configuration.
        version: of the prompt; ``v1.small`` is held to one short item.
        attributes: of the request's one seed; only a small form depends on them.
    """
    if version.endswith(".small"):
        return _small_form(origin, tuple(attributes))
    return _FORMS[origin]


@cache
def _small_form(origin: PromptOrigin, attributes: tuple[str, ...]) -> type[Reply]:
    text = Annotated[str, Field(pattern=_SMALL_TEXT)]
    fields: dict[str, Any] = {"seed": (Literal[1], ...)}
    base: type[_Item] = FreeItem
    if origin is PromptOrigin.DICTIONARY:
        words = {name: (_literal(name), ...) for name in attributes}
        fields["description"] = (pydantic.create_model("Description", **cast(Any, words)), ...)
        base = _Item
    elif origin is PromptOrigin.FEATURES:
        fields["instruction"] = (Annotated[str, Field(pattern=_small_pattern(attributes))], ...)
    else:
        fields["instruction"] = (Annotated[str, Field(pattern=_SMALL_FREE)], ...)
    fields["text"] = (text, ...)
    item = pydantic.create_model("SmallItem", __base__=base, **fields)
    items = Annotated[list[item], Field(min_length=1, max_length=1)]  # type: ignore[valid-type]
    return pydantic.create_model("SmallReply", __base__=Reply, items=(items, ...))


def _literal(attribute: str) -> Any:  # noqa: ANN401  (a type form)
    return Literal[tuple(_SMALL[attribute][1].split("|"))]


def _small_pattern(attributes: Sequence[str]) -> str:
    pieces = [rf"an? ({_SMALL[name][1]}) {_SMALL[name][0]}" for name in attributes]
    return rf"^{_SMALL_FEATURES}{', '.join(pieces)}\.$"


def small_features(instruction: str, attributes: Sequence[str]) -> dict[str, str]:
    """The words that state each attribute, in an instruction of the small form.

    >>> small_features("Speak with a low pitch, a fast pace.", ("pitch", "speed"))
    {'pitch': 'low pitch', 'speed': 'fast pace'}
    """
    stated = instruction.removeprefix(_SMALL_FEATURES).removesuffix(".").split(", ")
    words = [one.split(" ", 1)[-1] for one in stated]
    return dict(zip(attributes, words, strict=True))
