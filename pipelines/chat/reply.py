"""From a raw reply to a valid value, or to what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson
import pydantic

from pipelines.chat.prices import TokenCounts
from pipelines.chat.request import Message

# Servers that queue a request keep the connection open with blank lines and comment lines.
_KEEP_ALIVE = re.compile(r"(?:\s|:[^\n]*(?:\n|$))+")
_FENCED = re.compile(r"```(?:json|JSON)?\s(.*)```", re.DOTALL)
_CUT_OFF = frozenset({"length", "content_filter", "insufficient_system_resource"})
_QUOTED_CHARACTERS = 4000  # of a bad reply in the next attempt; its beginning shows the mistake
# Of one text in a reply. No prompt asks for more than 1,000, the character of an episode's speaker;
# what is twice as long has run on, and would be paid for again in every prompt that quotes it.
MAX_TEXT_CHARACTERS = 2000
_NAMED_MISTAKES = 5  # of a reply, in the next attempt and in the dead letter


@dataclass(frozen=True, slots=True)
class Completion:
    """The parts of a reply's body that are used; None for what it does not have."""

    content: str | None
    finish_reason: str | None
    model: str | None
    tokens: TokenCounts | None
    problem: str | None  # why there is no content


@dataclass(frozen=True, slots=True)
class Invalid:
    """What is wrong with a reply."""

    error: str  # told to the model in the next attempt
    content: str  # what the model had written; empty where nothing could be read


def read_completion(text: str) -> Completion:
    """Reads the body of a chat completion; never fails, whatever the body is.

    Blank lines and ``: keep-alive`` lines before the JSON are skipped.
    """
    start = _KEEP_ALIVE.match(text)
    body = text[start.end() :] if start else text
    if not body:
        return _unreadable("the reply was empty")
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _unreadable(f"the reply was not JSON: {error}")
    if not isinstance(reply, dict):
        return _unreadable("the reply was not a JSON object")
    model = reply.get("model")
    model = model if isinstance(model, str) and model else None
    tokens = _token_counts(reply.get("usage"))
    try:
        choice = reply["choices"][0]
        content, reason = choice["message"]["content"], choice.get("finish_reason")
        reason = reason if isinstance(reason, str) else None
    except (KeyError, IndexError, TypeError, AttributeError):
        return Completion(None, None, model, tokens, "the reply held no message")
    if not isinstance(content, str) or not content.strip():
        return Completion(None, reason, model, tokens, "the reply's content was empty")
    return Completion(content, reason, model, tokens, None)


def _unreadable(problem: str) -> Completion:
    return Completion(None, None, None, None, problem)


def _token_counts(usage: object) -> TokenCounts | None:
    """Token counts of DeepSeek's or OpenAI's usage object; None where it has none."""
    if not isinstance(usage, Mapping):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not _is_count(prompt) or not _is_count(completion):
        return None
    cached = usage.get("prompt_cache_hit_tokens")
    if not _is_count(cached):
        details = usage.get("prompt_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    cached = min(cached, prompt) if _is_count(cached) else 0
    return TokenCounts(prompt=prompt, cached_prompt=cached, completion=completion)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def judge(
    completion: Completion,
    reply_schema: type[pydantic.BaseModel],
    check: Callable[[Any], str] | None = None,
) -> pydantic.BaseModel | Invalid:
    """The valid value of a reply, or what is wrong with it.

    The content must be strict JSON (no comments, trailing commas or NaN), alone or in one
    Markdown fence. A reply that was cut off is invalid even where what there is happens to parse.
    ``check`` is the request's own, see :class:`ChatRequest`.
    """
    content = completion.content
    if completion.finish_reason in _CUT_OFF:
        error = f"the reply was cut off ({completion.finish_reason}): write less"
        return Invalid(error, content or "")
    if content is None:
        return Invalid(completion.problem or "the reply's content was empty", "")
    text = content.strip()
    fenced = _FENCED.fullmatch(text)
    if fenced:
        text = fenced[1]
    try:
        # pydantic's own parser lets NaN and Infinity pass, which are not JSON.
        orjson.loads(text)
        value = reply_schema.model_validate_json(text)
    except orjson.JSONDecodeError as error:
        return Invalid(f"the reply was not valid JSON: {error}", content)
    except pydantic.ValidationError as error:
        return Invalid(_mistakes(error), content)
    wrong = _too_long(value.model_dump()) or (check(value) if check is not None else "")
    return Invalid(f"the reply does not fit: {wrong}", content) if wrong else value


def _too_long(reply: object) -> str:
    """A text of a reply, name or value, that is too long; "" where there is none.

    Not part of the schemas: those are part of the keys, and a bound asks nothing anew but what
    breaks it.
    """
    waiting: list[tuple[str, object]] = [("", reply)]
    while waiting:
        path, part = waiting.pop()
        if isinstance(part, str):
            if len(part) > MAX_TEXT_CHARACTERS:
                most = f"more than {MAX_TEXT_CHARACTERS}"
                return f"{path.strip('.')}: {len(part)} characters, {most}: write less"
        elif isinstance(part, Mapping):
            waiting += ((f"{path}.{str(name)[:40]}", each) for name, each in part.items())
            waiting += ((f"{path}.a name", name) for name in part)
        elif isinstance(part, list | tuple):
            waiting += ((f"{path}.{number}", each) for number, each in enumerate(part))
    return ""


def _mistakes(error: pydantic.ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    named = [
        f"{'.'.join(str(step) for step in mistake['loc']) or 'the object'}: {mistake['msg']}"
        for mistake in found[:_NAMED_MISTAKES]
    ]
    if len(found) > _NAMED_MISTAKES:
        named.append(f"and {len(found) - _NAMED_MISTAKES} more")
    return "the reply does not fit: " + "; ".join(named)


def correction(messages: tuple[Message, ...], invalid: Invalid) -> tuple[Message, ...]:
    """The messages of the next attempt: all before, the bad reply, and what is wrong with it.

    A pure function of the messages and the reply, so that a second run makes the same keys and
    finds the whole chain of attempts in the journal. The static prefix stays in front.
    """
    request: Message = {
        "role": "user",
        "content": f"That was not usable: {invalid.error}. "
        "Reply again, with nothing but the JSON object that was asked for.",
    }
    if not invalid.content:  # servers refuse an empty assistant message
        return (*messages, request)
    bad: Message = {"role": "assistant", "content": invalid.content[:_QUOTED_CHARACTERS]}
    return (*messages, bad, request)
