"""What the chat model is asked for S3: requests of one configuration, numbered (FlexiVoice A.4)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pydantic

from pipelines.chat.request import ChatRequest
from pipelines.stages.instruction_set_items import Draft, Flaw, ItemJudge
from pipelines.stages.instruction_set_replies import Reply, reply_form
from pipelines.stages.instruction_set_seeds import Seed, draw_seeds
from pipelines.stages.instruction_set_settings import InstructionAsking, InstructionSetSettings
from pipelines.stages.near_duplicates import normal_text
from pipelines.stages.style import LANGUAGE_NAMES
from prompts import Prompt
from schemas import PromptOrigin, Reason

Judged = list[tuple[str, Draft | Flaw]]  # where each item stands, and what it is


@dataclass(frozen=True, slots=True)
class Wanted:
    """One configuration: how many instructions of which kind."""

    language: str
    origin: PromptOrigin
    features: int  # that each names; 0 where that is not given
    count: int

    @property
    def label(self) -> str:
        """For messages and counts.

        >>> Wanted("en", PromptOrigin.FEATURES, 3, 500).label
        'en.features_3'
        """
        return f"{self.language}.{self.origin}" + (f"_{self.features}" if self.features else "")


def configurations(asking: InstructionAsking, language: str) -> list[Wanted]:
    """All configurations of a language that have rows."""
    counts = asking.counts
    found = [
        Wanted(language, PromptOrigin.DICTIONARY, 0, counts.dictionary),
        *(
            Wanted(language, PromptOrigin.FEATURES, features, count)
            for features, count in sorted(counts.features.items())
        ),
        Wanted(language, PromptOrigin.FREE, 0, counts.free),
    ]
    return [one for one in found if one.count]


class Requester:
    """Makes the requests of one configuration, and reads their replies."""

    def __init__(
        self,
        wanted: Wanted,
        prompt: Prompt,
        settings: InstructionSetSettings,
        asking: InstructionAsking,
    ) -> None:
        """Takes what is asked for and how."""
        self.wanted, self.prompt = wanted, prompt
        self.asked = 0  # requests so far: the number of the last one
        self._settings, self._asking = settings, asking
        self._typical = _typical(prompt, wanted.origin, asking.items_per_call)
        self._judge = ItemJudge(settings, wanted.language, wanted.origin, _examples(prompt))
        self._static = tuple(
            {"role": role, "content": content} for role, content in prompt.messages
        )

    @property
    def items(self) -> int:
        """Items that a request asks for."""
        return self._asking.items_per_call

    def requests(self, missing: int) -> list[ChatRequest]:
        """Further requests, enough for what is missing if few items have to go."""
        items = missing + int(missing * self._settings.surplus)
        number = -(-items // self._asking.items_per_call)
        self.asked += number
        return [self._request(n) for n in range(self.asked - number + 1, self.asked + 1)]

    def seeds(self, number: int) -> tuple[Seed, ...]:
        """What the items of a request start from."""
        purpose = f"{self._settings.seed} {self.wanted.label} {number}"
        least = self._settings.dictionary_attributes
        is_dictionary = self.wanted.origin is PromptOrigin.DICTIONARY
        attributes = least if is_dictionary else self.wanted.features
        return draw_seeds(purpose, self._asking.items_per_call, attributes)

    def judged(self, number: int, reply: pydantic.BaseModel) -> Judged:
        """The items of a reply to the request of that number, one for each seed.

        A seed without an item counts as an item that is empty, and an item for a seed that was
        not asked for, or comes a second time, is left alone: what went in is what was asked for.
        """
        seeds = self.seeds(number)
        found = {item["seed"]: item for item in reversed(_items(reply))}
        where = f"{self.wanted.label}.{number}"
        return [(f"{where}.{seed.number}", self._one(found, seed)) for seed in seeds]

    def _one(self, found: Mapping[int, dict[str, Any]], seed: Seed) -> Draft | Flaw:
        item = found.get(seed.number)
        if item is None:
            return Flaw(Reason.DESCRIPTION_EMPTY, f"no item for seed {seed.number}")
        return self._judge.judge(item, seed)

    def _request(self, number: int) -> ChatRequest:
        seeds = self.seeds(number)
        question: dict[str, Any] = {"write in": LANGUAGE_NAMES[self.wanted.language]}
        if self.wanted.features:
            question["features"] = self.wanted.features
        question |= {"request": number, "seeds": [seed.question() for seed in seeds]}
        content = json.dumps(question, ensure_ascii=False)
        return ChatRequest(
            messages=(*self._static, {"role": "user", "content": content}),
            reply_schema=reply_form(self.wanted.origin, self.prompt.version, seeds[0].attributes),
            max_tokens=self._asking.max_tokens,
            tag=f"{self.wanted.label}.{number}",
            check=_Check(self, number),
            typical=self._typical,
        )

    def complaint(self, number: int, reply: pydantic.BaseModel) -> str:
        """What is wrong with a reply of which too little can be used; "" where enough can."""
        judged = self.judged(number, reply)
        flaws = [(where, one) for where, one in judged if isinstance(one, Flaw)]
        if len(judged) - len(flaws) >= self._settings.min_usable_share * len(judged):
            return ""
        where, first = flaws[0]
        seed = where.rpartition(".")[2]
        return f"{len(flaws)} of {len(judged)} items cannot be used; seed {seed}: {first.detail}"


@dataclass(frozen=True)
class _Check:
    """A request's own check."""

    requester: Requester
    number: int

    def __call__(self, reply: pydantic.BaseModel) -> str:
        return self.requester.complaint(self.number, reply)


def _typical(prompt: Prompt, origin: PromptOrigin, items: int) -> Reply | None:
    """The prompt's own example, made as long as a reply; None for a small form: it is free."""
    if prompt.version.endswith(".small"):
        return None
    example = reply_form(origin, prompt.version, ()).model_validate_json(prompt.examples[0])
    return example.model_copy(update={"items": (example.items * items)[:items]})


def _examples(prompt: Prompt) -> frozenset[str]:
    """Instructions and texts of the prompt's examples: letters and digits."""
    items = [item for example in prompt.examples for item in json.loads(example)["items"]]
    texts = [item.get(name, "") for item in items for name in ("instruction", "text")]
    return frozenset(normal_text(text) for text in texts if text)


def _items(reply: pydantic.BaseModel) -> list[dict[str, Any]]:
    assert isinstance(reply, Reply)  # noqa: S101  (the request's own schema)
    return list(_dumped(reply))


def _dumped(reply: Reply) -> Iterator[dict[str, Any]]:
    for item in reply.items:
        yield item.model_dump()
