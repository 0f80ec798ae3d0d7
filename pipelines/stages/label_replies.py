"""Combinations of labels -> what the chat model is asked about each, and what it may answer.

One question a combination, however many utterances have it (FlexiVoice A.2: three Chinese and three
English instructions each).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated

import pydantic
from pydantic import ConfigDict, Field

from pipelines.chat.request import ChatRequest
from pipelines.stages.letters import Script
from pipelines.stages.style import LANGUAGE_NAMES
from pipelines.stages.wording import measure
from prompts import Prompt

LabelTuple = tuple[tuple[str, str], ...]  # (name, value), sorted

MAX_INSTRUCTION = 300  # characters
_LEAST_SCRIPT_SHARE = 0.5  # of an instruction's letters; the rest may be foreign names
_SCRIPTS = {
    "zh": (Script.HAN,),
    "ja": (Script.HAN, Script.KANA),
    "ko": (Script.HANGUL,),
}
# How each instruction of the small model begins; without it all of them are the same.
_OPENINGS = ("Speak like", "Read it in the voice of", "Use")


@dataclass(frozen=True, slots=True)
class Written:
    """The instructions for one combination of labels."""

    instructions: tuple[tuple[str, str], ...]  # (language, instruction)
    chat_model: str
    reply_sha256: str


class InstructionsReply(pydantic.BaseModel):
    """Instructions for one combination of labels; a subclass has a field for each language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def instructions(self, language: str) -> list[str]:
        """Those in one language (ISO 639-1), one line each."""
        return [" ".join(text.split()) for text in getattr(self, _field(language))]


def _field(language: str) -> str:
    return LANGUAGE_NAMES[language].lower()


@cache
def instructions_reply(
    languages: tuple[str, ...], per_language: int, *, small: bool
) -> type[InstructionsReply]:
    """The reply's form: so many instructions in each language and no other.

    Args:
        languages: ISO 639-1 codes, of ``LANGUAGE_NAMES``.
        per_language: how many in each.
        small: held to sentences that begin in different ways: small models repeat themselves.

    >>> reply = instructions_reply(("en",), 2, small=False)
    >>> reply.model_validate_json('{"english": ["Be old.", "Sound old."]}').instructions("en")
    ['Be old.', 'Sound old.']
    """
    text = Annotated[str, Field(min_length=1, max_length=MAX_INSTRUCTION)]
    listed: object = Annotated[
        list[text],
        Field(min_length=per_language, max_length=per_language),
    ]
    if small:
        kinds = tuple(
            Annotated[str, Field(pattern=rf"^{opening} [A-Za-z ,'-]{{8,80}}\.$")]
            for opening in _OPENINGS[:per_language]
        )
        listed = tuple[kinds]  # type: ignore[valid-type]
    fields = {_field(language): (listed, ...) for language in languages}
    reply: type[InstructionsReply] = pydantic.create_model(  # type: ignore[call-overload]
        "Instructions", __base__=InstructionsReply, **fields
    )
    return reply


def tuple_request(
    labels: LabelTuple,
    prompt: Prompt,
    *,
    languages: Sequence[str],
    per_language: int,
    max_tokens: int | None = None,
) -> ChatRequest:
    """The question about one combination of labels.

    Raises:
        ValueError: a prompt for small models is asked for more than it can tell apart.
    """
    small = prompt.version.endswith(".small")
    if small and per_language > len(_OPENINGS):
        raise ValueError(f"{prompt.label} writes at most {len(_OPENINGS)} instructions")
    question = {
        "labels": _as_object(labels),
        "languages": [LANGUAGE_NAMES[language] for language in languages],
        "how many": per_language,
    }
    static = ({"role": role, "content": content} for role, content in prompt.messages)
    content = json.dumps(question, ensure_ascii=False)
    reply = instructions_reply(tuple(languages), per_language, small=small)
    return ChatRequest(
        messages=(*static, {"role": "user", "content": content}),
        reply_schema=reply,
        max_tokens=max_tokens,
        tag=", ".join(f"{name} {value}" for name, value in labels),
        check=partial(complaint, languages=tuple(languages), prompt=prompt),
    )


def complaint(reply: InstructionsReply, *, languages: Sequence[str], prompt: Prompt) -> str:
    """What is wrong with a reply of the right form; empty for nothing.

    Args:
        reply: to a question about one combination of labels.
        languages: ISO 639-1 codes that were asked for.
        prompt: its examples must not come back as answers.
    """
    examples = _examples(prompt)
    for language in languages:
        name, seen = _field(language), set[str]()
        for text in reply.instructions(language):
            shown = repr(text[:60])
            if text.casefold() in seen:
                return f"{name}: {shown} is there twice; write a different one"
            seen.add(text.casefold())
            if text in examples:
                return f"{name}: {shown} repeats an example; write one for these labels"
            if not _is_in(text, language):
                return f"{name}: {shown} is not written in {LANGUAGE_NAMES[language]}"
    return ""


def _is_in(text: str, language: str) -> bool:
    measured = measure([text], opening_words=1)
    letters = int(measured.letters[0])
    right = int(measured.script_letters[0, list(_SCRIPTS.get(language, (Script.LATIN,)))].sum())
    return letters > 0 and right >= _LEAST_SCRIPT_SHARE * letters


def _as_object(labels: LabelTuple) -> dict[str, str | list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in labels:
        values.setdefault(name.replace("_", " "), []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


@cache
def _examples(prompt: Prompt) -> frozenset[str]:
    replies = [json.loads(example) for example in prompt.examples]
    return frozenset(text for reply in replies for texts in reply.values() for text in texts)
