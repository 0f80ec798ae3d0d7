"""The key of a chat call: what makes two calls the same call.

SHA-256 of one canonical JSON array ``[identity, parameters, message, message, ...]``: keys sorted,
no spaces, UTF-8. ``identity`` is the backend's (base URL, model, sampling parameters);
``parameters`` are ``max_tokens``, the JSON schema of the reply and, when dead letters are asked
again, their generation. The record's id is not in it: equal questions are one call.

The hash of everything up to and including the first message, the static instructions, is kept
and copied, so a call hashes only what varies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import orjson
import pydantic

from pipelines.chat.request import Content, Message

if TYPE_CHECKING:
    from hashlib import _Hash

Key = bytes  # 32 bytes
_KEPT_PREFIXES = 256  # prompts times reply schemas times generations in use at once


class KeyMaker:
    """Makes the keys of one backend's calls."""

    def __init__(self, identity: Mapping[str, object]) -> None:
        """Keys for the backend that ``identity`` describes."""
        self._identity = canonical_json(identity)
        self._prefix = lru_cache(maxsize=_KEPT_PREFIXES)(self._hash_prefix)

    def key(
        self,
        messages: Sequence[Message],
        reply_schema: type[pydantic.BaseModel],
        max_tokens: int,
        generation: int,
    ) -> Key:
        """The key of one call.

        Raises:
            TypeError: a message cannot be written as UTF-8 JSON.
        """
        first = messages[0]
        # A str keeps its hash, so looking up a long static prompt costs nothing.
        make = self._prefix if isinstance(first["content"], str) else self._hash_prefix
        prefix = make(tuple(sorted(first.items())), reply_schema, max_tokens, generation).copy()
        for message in messages[1:]:
            prefix.update(b"," + canonical_json(message))
        prefix.update(b"]")
        return prefix.digest()

    def _hash_prefix(
        self,
        first: tuple[tuple[str, Content], ...],
        reply_schema: type[pydantic.BaseModel],
        max_tokens: int,
        generation: int,
    ) -> _Hash:
        parameters: dict[str, object] = {
            "max_tokens": max_tokens,
            "schema": orjson.Fragment(_schema_json(reply_schema)),
        }
        if generation:
            parameters["generation"] = generation
        head = b",".join((self._identity, canonical_json(parameters), canonical_json(dict(first))))
        return hashlib.sha256(b"[" + head)


def canonical_json(value: object) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8.

    Raises:
        TypeError: the value is not JSON, or holds text that is not valid Unicode.

    >>> canonical_json({"b": 1, "a": "ö"}) == '{"a":"ö","b":1}'.encode()
    True
    """
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


@cache
def _schema_json(reply_schema: type[pydantic.BaseModel]) -> bytes:
    return canonical_json(_without_prose(reply_schema.model_json_schema()))


def _without_prose(schema: object) -> object:
    """The schema without titles and descriptions.

    They do not change what is valid, and an edited docstring must not buy every reply again.
    """
    if isinstance(schema, list):
        return [_without_prose(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, object] = {}
    for name, value in schema.items():
        if name in ("title", "description") and isinstance(value, str):
            continue
        # Values, not schemas: their text is meant literally.
        literal = name in ("default", "const", "enum", "examples")
        kept[name] = value if literal else _without_prose(value)
    return kept
