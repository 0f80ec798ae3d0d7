from __future__ import annotations

import hashlib
from dataclasses import replace
from types import MappingProxyType

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.chat.keys import KeyMaker, canonical_json
from pipelines.chat.request import Message
from tests.pipelines.chat.support import Label, request

_IDENTITY = {"base_url": "http://a/v1", "model": "m", "temperature": 1.0}
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
_MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user"]), "content": _TEXTS}),
    min_size=1,
    max_size=4,
)


@given(_MESSAGES, st.integers(1, 9), st.integers(0, 2))
def test_the_key_is_the_hash_of_one_canonical_text(
    messages: list[Message], max_tokens: int, generation: int
) -> None:
    parameters: dict[str, object] = {"max_tokens": max_tokens, "schema": _stripped(Label)}
    if generation:
        parameters["generation"] = generation
    whole = canonical_json([_IDENTITY, parameters, *messages])
    key = KeyMaker(_IDENTITY).key(messages, Label, max_tokens, generation)
    assert key == hashlib.sha256(whole).digest()


def _stripped(schema: type[pydantic.BaseModel]) -> dict[str, object]:
    whole = schema.model_json_schema()
    properties = {
        name: {key: value for key, value in content.items() if key != "title"}
        for name, content in whole["properties"].items()
    }
    return {"type": "object", "required": whole["required"], "properties": properties}


@given(st.lists(_MESSAGES, max_size=8))
def test_different_messages_have_different_keys(chats: list[list[Message]]) -> None:
    maker = KeyMaker(_IDENTITY)
    keys = {maker.key(messages, Label, 1, 0) for messages in chats}
    assert len(keys) == len({canonical_json(messages) for messages in chats})


def test_the_order_of_a_mapping_and_its_type_do_not_matter() -> None:
    maker = KeyMaker(_IDENTITY)
    one = ({"role": "user", "content": "x"}, {"role": "user", "content": "y"})
    other = tuple(MappingProxyType(dict(reversed(message.items()))) for message in one)
    assert maker.key(one, Label, 1, 0) == maker.key(other, Label, 1, 0)


def test_prose_of_the_schema_is_not_part_of_the_key_but_its_rules_are() -> None:
    class Described(pydantic.BaseModel):
        """A docstring."""

        title: str = pydantic.Field(description="a field that is called title")

    class Plain(pydantic.BaseModel):
        title: str

    class Renamed(pydantic.BaseModel):
        name: str

    maker, asked = KeyMaker(_IDENTITY), request(1)
    keys = [maker.key(asked.messages, kind, 1, 0) for kind in (Described, Plain, Renamed)]
    assert keys[0] == keys[1] != keys[2]


def test_the_tag_is_not_part_of_the_key() -> None:
    maker = KeyMaker(_IDENTITY)
    one, other = (replace(request(1), tag=tag) for tag in ("a", "b"))
    assert maker.key(one.messages, Label, 1, 0) == maker.key(other.messages, Label, 1, 0)


def test_text_that_utf_8_cannot_hold_has_no_key() -> None:
    with pytest.raises(TypeError):
        KeyMaker(_IDENTITY).key(({"role": "user", "content": "\udc00"},), Label, 1, 0)
    with pytest.raises(TypeError):
        KeyMaker({"model": object()})


def test_the_key_of_a_call_stays_what_it_is() -> None:
    """A change of this value makes every user pay for every reply again."""
    key = KeyMaker(_IDENTITY).key(request(1).messages, Label, 100, 0)
    assert key.hex() == "9cf8d2e475ef55c3d271bbf466617b2bfb4089147ccf591da25cb40a53786658"
