"""Title of a video -> series and number of the episode (MCLP A.1).

The chat model is asked, and by rules of our own a reader looks for what titles mark plainly
(《…》, 第N集, EP N). What counts (ADR 0012):

- The series is the model's, if the title has it: a name that is not in the title is a mistake, and
  the model is asked again.
- The number is the reader's where the title marks exactly one, else the model's, if the title has
  such a number.
- Where model and reader differ is counted.

Titles are anybody's text: what they say is data, whatever they ask for.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeAlias

import pydantic

from pipelines.chat.engine import Outcome
from pipelines.chat.request import Answer, ChatRequest
from pipelines.stages import style
from pipelines.stages.episode_numbers import episode_number, normalised, numbers_in, values
from pipelines.stages.style import usable_title
from pipelines.stages.title_reader import BRACKETS, has_name, head_of, is_same_name, read_title
from prompts import Prompt

Ask: TypeAlias = Callable[[Sequence[ChatRequest]], Sequence[Outcome]]  # an engine, or a dry run

MAX_TITLE = style.MAX_TITLE
MAX_SERIES = 100  # characters of a series' name
_NO_NAME = frozenset({"null", "none", "unknown", "n/a", "未知"})


class SeriesReply(pydantic.BaseModel):
    """The name of a series."""

    model_config = pydantic.ConfigDict(frozen=True)

    series: str | None

    @pydantic.field_validator("series", mode="after")
    @classmethod
    def _bare(cls, name: str | None) -> str | None:
        bare = normalised(name or "").strip(BRACKETS)
        if len(bare) > MAX_SERIES:
            raise ValueError(f"longer than {MAX_SERIES} characters: only the name of the series")
        return None if not bare or bare.casefold() in _NO_NAME else bare


class TitleReply(SeriesReply):
    """The same, and which episode it is, in the normal form of numbers."""

    episode: str | None

    @pydantic.field_validator("episode", mode="before")
    @classmethod
    def _normal(cls, number: object) -> object:
        if isinstance(number, int) and not isinstance(number, bool):
            number = str(number)
        return episode_number(number) if isinstance(number, str) else number


class SmallTitleReply(SeriesReply):
    """A name alone, of the characters that names are made of: small models cannot count."""

    series: Annotated[str, pydantic.Field(pattern=r'^[^"\\《》<>\[\]【】()|]{1,40}$')]


class Verdict(enum.StrEnum):
    """How a title was read."""

    MISSING = "missing"  # there is none, or only a web address
    DEAD_LETTER = "dead_letter"  # no valid reply
    AGREES = "agrees"  # the model says what the rules read
    DIFFERS = "differs"  # it says something else
    UNMARKED = "unmarked"  # the rules read nothing


@dataclass(frozen=True, kw_only=True)
class TitleFacts:
    """What is known from a title."""

    series: str | None
    episode: str | None  # in the normal form of numbers
    verdict: Verdict
    truncated: bool  # only its beginning was read


def title_facts(titles: Sequence[str | None], prompt: Prompt, ask: Ask) -> list[TitleFacts]:
    """Series and episode for each title; equal titles are asked about once.

    A title that is missing, or only a web address, gives neither. One without a valid reply gives
    no series, and the number only where the title marks one.

    Args:
        titles: as the videos have them, of any length and content.
        prompt: ``episode_title``.
        ask: gives an answer or a dead letter for each request.
    """
    whole = [normalised(usable_title(title)) for title in titles]
    shown = [title[:MAX_TITLE].strip() for title in whole]
    asked = sorted({title for title in shown if title})
    outcomes = ask([title_request(title, prompt) for title in asked])
    facts = {title: _facts(title, answer) for title, answer in zip(asked, outcomes, strict=True)}
    missing = TitleFacts(series=None, episode=None, verdict=Verdict.MISSING, truncated=False)
    return [
        dataclasses.replace(facts.get(text, missing), truncated=len(title) > MAX_TITLE)
        for title, text in zip(whole, shown, strict=True)
    ]


def title_request(title: str, prompt: Prompt) -> ChatRequest:
    """The question about one title; the small model gets what stands before the number."""
    small = prompt.version.endswith(".small")
    content = head_of(title) if small else title
    question = {"role": "user", "content": json.dumps({"title": content}, ensure_ascii=False)}
    static = tuple({"role": role, "content": text} for role, text in prompt.messages)
    guess = read_title(title)
    name = guess.series or head_of(title)[:MAX_SERIES]
    typical = (
        SmallTitleReply.model_construct(series=name)
        if small
        else TitleReply.model_construct(series=name, episode=guess.episode)
    )
    return ChatRequest(
        messages=(*static, question),
        reply_schema=type(typical),
        tag=f"title: {title[:100]}",
        check=partial(_complaint, content),
        typical=typical,
    )


def _facts(title: str, outcome: Outcome) -> TitleFacts:
    guess, series, number = read_title(title), None, None
    if isinstance(outcome, Answer):
        reply: Any = outcome.value
        # The small model was not asked for the number.
        series, number = reply.series, getattr(reply, "episode", guess.episode)
    same_series = guess.series is None or is_same_name(series or "", guess.series)
    if not isinstance(outcome, Answer):
        verdict = Verdict.DEAD_LETTER
    elif guess.series is None and guess.episode is None:
        verdict = Verdict.UNMARKED
    elif same_series and guess.episode in (None, number):
        verdict = Verdict.AGREES
    else:
        verdict = Verdict.DIFFERS
    return TitleFacts(
        series=series, episode=guess.episode or number, verdict=verdict, truncated=False
    )


def _complaint(title: str, reply: SeriesReply) -> str:
    """What a reply says that the title does not."""
    if reply.series is not None and not has_name(title, reply.series):
        return f"series: the title does not say {reply.series!r}; copy the name from the title"
    number = getattr(reply, "episode", None)
    if number is not None and not values(number) <= numbers_in(title):
        return f"episode: the title has no episode {number}"
    return ""
