from __future__ import annotations

import json

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.chat.prices import TokenCounts
from pipelines.chat.reply import MAX_TEXT_CHARACTERS, Invalid, correction, judge, read_completion
from pipelines.chat.request import Message

_VALID = '{"name": "a", "number": 1}'


class Reply(pydantic.BaseModel):
    name: str
    number: int


def _body(content: object, finish_reason: str | None = "stop", **more: object) -> str:
    choice = {"message": {"content": content}, "finish_reason": finish_reason}
    return json.dumps({"model": "m-1", "choices": [choice], **more})


def _judged(content: object, finish_reason: str | None = "stop") -> pydantic.BaseModel | Invalid:
    return judge(read_completion(_body(content, finish_reason)), Reply)


@pytest.mark.parametrize(
    "content",
    [
        _VALID,
        f"  \n{_VALID}\n",
        f"```json\n{_VALID}\n```",
        f"```\n{_VALID}\n```",
        f"```JSON\r\n{_VALID}\r\n```\n",
        f"```json {_VALID}```",
    ],
)
def test_strict_json_alone_or_in_one_fence_is_valid(content: str) -> None:
    assert _judged(content) == Reply(name="a", number=1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (f"Here you are: {_VALID}", "not valid JSON"),
        (f"{_VALID} and more", "not valid JSON"),
        ('{"name": "a", "number": 1,}', "not valid JSON"),
        ('{"name": "a", "number": NaN}', "not valid JSON"),
        ("{'name': 'a'}", "not valid JSON"),
        (f"```json\n{_VALID}", "not valid JSON"),
        ('{"name": "a"}', "number: Field required"),
        ("[]", "the object: "),
        ("null", "the object: "),
        ("", "content was empty"),
        (None, "content was empty"),
        (["text"], "content was empty"),
    ],
)
def test_anything_else_is_invalid_and_says_why(content: object, why: str) -> None:
    judged = _judged(content)
    assert isinstance(judged, Invalid)
    assert why in judged.error


@pytest.mark.parametrize("reason", ["length", "content_filter", "insufficient_system_resource"])
def test_a_reply_that_was_cut_off_is_invalid_even_if_it_parses(reason: str) -> None:
    judged = _judged(_VALID, reason)
    assert isinstance(judged, Invalid)
    assert "cut off" in judged.error


def test_a_missing_finish_reason_is_no_fault() -> None:
    assert _judged(_VALID, None) == Reply(name="a", number=1)


def test_only_the_first_mistakes_are_named() -> None:
    class Wide(pydantic.BaseModel):
        a: int
        b: int
        c: int
        d: int
        e: int
        f: int
        g: int

    judged = judge(read_completion(_body("{}")), Wide)
    assert isinstance(judged, Invalid)
    assert "and 2 more" in judged.error


@pytest.mark.parametrize(
    "before", ["", "\n\n", ": keep-alive\n\n", "\r\n: keep-alive\r\n\r\n: x\n \n"]
)
def test_keep_alive_lines_are_skipped(before: str) -> None:
    assert read_completion(before + _body("x")).content == "x"


@pytest.mark.parametrize(
    "text",
    ["", "\n: keep-alive\n", "<html>", "{", "[]", "1", "{}", '{"choices": []}', '{"choices": 1}']
    + ['{"choices": [{"message": null}]}', '{"choices": [null]}', '{"choices": {"0": 1}}'],
)
def test_bodies_that_are_no_completion_are_invalid_not_an_error(text: str) -> None:
    completion = read_completion(text)
    assert completion.content is None
    judged = judge(completion, Reply)
    assert isinstance(judged, Invalid)
    assert judged.content == ""


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "usage", "model", "finish_reason"]
                + ["prompt_tokens", "completion_tokens", "prompt_tokens_details"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.text() | _JSON.map(json.dumps))
def test_no_body_makes_reading_fail(text: str) -> None:
    judge(read_completion(text), Reply)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2}, TokenCounts(9, 0, 2)),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 8},
            TokenCounts(9, 8, 2),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 5},
            },
            TokenCounts(9, 5, 2),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 99},
            TokenCounts(9, 9, 2),
        ),
        ({"prompt_tokens": 9}, None),
        ({"prompt_tokens": -1, "completion_tokens": 2}, None),
        ({"prompt_tokens": True, "completion_tokens": 2}, None),
        (None, None),
    ],
)
def test_token_counts_in_both_dialects(usage: object, tokens: TokenCounts | None) -> None:
    assert read_completion(_body("x", usage=usage)).tokens == tokens


def test_a_correction_appends_and_never_grows_without_bound() -> None:
    messages: tuple[Message, ...] = ({"role": "system", "content": "s"},)
    corrected = correction(messages, Invalid("it is wrong", "x" * 100_000))
    assert corrected[:1] == messages
    assert [message["role"] for message in corrected] == ["system", "assistant", "user"]
    assert len(corrected[1]["content"]) < 5000
    assert "it is wrong" in corrected[2]["content"]
    assert [m["role"] for m in correction(messages, Invalid("empty", ""))] == ["system", "user"]


class Nested(pydantic.BaseModel):
    """Texts in every place where a reply may have one."""

    items: list[dict[str, str]]
    told: tuple[str, ...] = ()
    reply: Reply | None = None


_LONG = "x" * (MAX_TEXT_CHARACTERS + 1)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"items": [{"a": "b"}, {"a": _LONG}]}, "items.1.a"),
        ({"items": [{_LONG: "b"}]}, "items.0.a name"),
        ({"items": [], "told": ["", _LONG]}, "told.1"),
        ({"items": [], "reply": {"name": _LONG, "number": 1}}, "reply.name"),
    ],
)
def test_an_endless_text_is_a_bad_reply_wherever_it_stands(value: object, where: str) -> None:
    found = judge(read_completion(_body(json.dumps(value))), Nested)
    assert isinstance(found, Invalid)
    assert found.error == (
        f"the reply does not fit: {where}: {len(_LONG)} characters, more than "
        f"{MAX_TEXT_CHARACTERS}: write less"
    )
    longest = json.loads(json.dumps(value).replace(_LONG, _LONG[:-1]))
    assert isinstance(judge(read_completion(_body(json.dumps(longest))), Nested), Nested)
