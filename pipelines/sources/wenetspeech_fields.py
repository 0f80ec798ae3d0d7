"""Fields of a WenetSpeech record, checked: each error names the field and what was found."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pipelines.sources.base import Refusal
from schemas import Reason

_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "a truth value",
    type(None): "null",
}


def described(value: object) -> str:
    """What a JSON value is, in words.

    >>> described(None), described([1])
    ('null', 'a list')
    """
    return _KINDS.get(type(value), "a number")


def text_field(fields: Mapping[str, object], name: str) -> str:
    """A text that is not empty.

    Raises:
        Refusal: the field is missing or something else.
    """
    value = fields.get(name)
    if type(value) is str and value:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise Refusal(Reason.FIELD_INVALID, f"{name}: half a character") from error
        return value
    if name not in fields:
        raise Refusal(Reason.FIELD_INVALID, f"{name}: missing")
    found = "empty" if value == "" else described(value)
    raise Refusal(Reason.FIELD_INVALID, f"{name}: {found}, expected a text")


def number_field(fields: Mapping[str, object], name: str) -> float:
    """A finite number that is not negative.

    Raises:
        Refusal: the field is missing or something else.
    """
    value = fields.get(name)
    kind = type(value)
    if (kind is float or kind is int) and 0 <= value < math.inf:  # type: ignore[operator]
        try:
            return float(value)  # type: ignore[arg-type]
        except OverflowError as error:
            raise Refusal(Reason.FIELD_INVALID, f"{name}: beyond any time") from error
    if name not in fields:
        raise Refusal(Reason.FIELD_INVALID, f"{name}: missing")
    found = f"{value}" if kind is float or kind is int else described(value)
    raise Refusal(Reason.FIELD_INVALID, f"{name}: {found}, expected a number of at least 0")


def texts_field(fields: Mapping[str, object], name: str) -> tuple[str, ...]:
    """A list of texts, which may be empty.

    Raises:
        Refusal: the field is missing or something else.
    """
    value = fields.get(name)
    if name not in fields:
        raise Refusal(Reason.FIELD_INVALID, f"{name}: missing")
    if not isinstance(value, list):
        raise Refusal(Reason.FIELD_INVALID, f"{name}: {described(value)}, expected a list")
    return tuple(text_field({name: text}, name) for text in value)
