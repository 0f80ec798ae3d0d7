"""A game's characters -> which ones the model knows, then who they are (FlexiVoice 4.2).

The list is asked about in one go (in pieces where it is long), each known character's personality
and speaking style once, however many lines the character has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pydantic

from pipelines.chat.engine import ChatEngine
from pipelines.chat.request import Answer, ChatRequest, DeadLetter
from pipelines.errors import StageFailed
from pipelines.stages.style import LANGUAGE_NAMES
from prompts import Prompt


class ProfileReply(pydantic.BaseModel):
    """What a character is like and how the character talks."""

    model_config = pydantic.ConfigDict(frozen=True, populate_by_name=True)

    personality: str = pydantic.Field(min_length=1)
    speaking_style: str = pydantic.Field(min_length=1, alias="speaking style")


class SmallProfileReply(ProfileReply):
    """The same, held to plain words: small models drift off."""

    personality: str = pydantic.Field(pattern=r"^[a-z][a-z ,'-]+$")
    speaking_style: str = pydantic.Field(pattern=r"^[a-z][a-z ,'-]+$", alias="speaking style")


@dataclass(frozen=True, order=True)
class Character:
    """One name on a game's character list."""

    game: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What the model said about one character."""

    known: bool
    personality: str | None  # None where the character is not known
    speaking_style: str | None
    detail: str  # why there is no profile; empty where there is one


def known_reply(names: Sequence[str]) -> type[pydantic.BaseModel]:
    """The reply's form for a list of names: each of them, and no other, true or false.

    >>> reply = known_reply(["ROSA", "OLD TOM"])
    >>> reply.model_validate_json('{"known": {"ROSA": true, "OLD TOM": false}}').known.answers()
    {'ROSA': True, 'OLD TOM': False}
    """
    fields: dict[str, object] = {
        f"name_{index}": (bool, pydantic.Field(alias=name)) for index, name in enumerate(names)
    }
    known = pydantic.create_model("Known", __base__=_Known, **fields)  # type: ignore[call-overload]
    reply: type[pydantic.BaseModel] = pydantic.create_model("KnownReply", known=(known, ...))
    return reply


class _Known(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    def answers(self) -> dict[str, bool]:
        return self.model_dump(by_alias=True)


def profile_characters(
    engine: ChatEngine,
    characters: Sequence[Character],
    list_prompt: Prompt,
    profile_prompt: Prompt,
    *,
    names_per_call: int,
    language: str,
) -> dict[Character, Profile]:
    """Asks which characters are known, then for the profile of each known one.

    Args:
        engine: answers, from the journal where it can.
        characters: every character once, in any order.
        list_prompt: ``game_characters``.
        profile_prompt: ``game_profile``.
        names_per_call: the longest list for one call; longer ones are asked about in pieces, and
            the pieces' answers are simply put together, as every name is judged on its own.
        language: ISO 639-1 code the profiles are written in.

    Raises:
        StageFailed: the list got no valid answer; without it nothing can be annotated.
    """
    known = known_characters(engine, characters, list_prompt, names_per_call)
    unknown = Profile(
        known=False, personality=None, speaking_style=None, detail="not known to the model"
    )
    return dict.fromkeys(characters, unknown) | profiles_of(engine, known, profile_prompt, language)


def profiles_of(
    engine: ChatEngine, known: Sequence[Character], prompt: Prompt, language: str
) -> dict[Character, Profile]:
    """Asks for the profile of each of these characters."""
    outcomes = engine.run(profile_requests(known, prompt, language))
    return {
        character: _profile(outcome) for character, outcome in zip(known, outcomes, strict=True)
    }


def profile_requests(
    characters: Sequence[Character], prompt: Prompt, language: str
) -> list[ChatRequest]:
    """One question a character."""
    small = prompt.version.endswith(".small")
    return [
        ChatRequest(
            messages=_messages(
                prompt,
                {
                    "game": character.game,
                    "character": character.name,
                    "write in": LANGUAGE_NAMES[language],
                },
            ),
            reply_schema=SmallProfileReply if small else ProfileReply,
            tag=f"{character.game}: {character.name}",
        )
        for character in characters
    ]


def list_requests(
    characters: Sequence[Character], prompt: Prompt, names_per_call: int
) -> list[tuple[str, list[str], ChatRequest]]:
    """(game, names, question) for every piece of every game's list, sorted by game and name."""
    requests = []
    for game, names in _pieces(characters, names_per_call):
        request = ChatRequest(
            messages=_messages(prompt, {"game": game, "characters": names}),
            reply_schema=known_reply(names),
            # Room for every name twice over: a name and its verdict are rarely over 16 tokens.
            max_tokens=64 + 16 * len(names),
            tag=f"{game}: character list",
        )
        requests.append((game, names, request))
    return requests


def known_characters(
    engine: ChatEngine, characters: Sequence[Character], prompt: Prompt, names_per_call: int
) -> list[Character]:
    """Asks which characters are known; sorted by game and name.

    Raises:
        StageFailed: a list got no valid answer.
    """
    asked = list_requests(characters, prompt, names_per_call)
    outcomes = engine.run([request for _, _, request in asked])
    known: list[Character] = []
    for (game, names, _), outcome in zip(asked, outcomes, strict=True):
        if isinstance(outcome, DeadLetter):
            raise StageFailed(
                f"{game}: no valid answer about its {len(names)} characters ({outcome.detail}); "
                "try --replay-dead-letters, another model, or a smaller "
                "annotate.characters_per_call"
            )
        answers = outcome.value.known.answers()  # type: ignore[attr-defined]  # made by known_reply
        known.extend(Character(game, name) for name in names if answers[name])
    return known


def _profile(outcome: Answer | DeadLetter) -> Profile:
    if isinstance(outcome, DeadLetter):
        return Profile(
            known=True,
            personality=None,
            speaking_style=None,
            detail=f"no valid profile: {outcome.detail}",
        )
    reply = outcome.value
    assert isinstance(reply, ProfileReply)  # noqa: S101  (the request's own schema)
    return Profile(
        known=True, personality=reply.personality, speaking_style=reply.speaking_style, detail=""
    )


def _pieces(
    characters: Sequence[Character], names_per_call: int
) -> Iterator[tuple[str, list[str]]]:
    games = sorted({character.game for character in characters})
    for game in games:
        names = sorted(character.name for character in characters if character.game == game)
        for start in range(0, len(names), names_per_call):
            yield game, names[start : start + names_per_call]


def _messages(prompt: Prompt, question: dict[str, object]) -> tuple[dict[str, str], ...]:
    static = tuple({"role": role, "content": content} for role, content in prompt.messages)
    return (*static, {"role": "user", "content": json.dumps(question, ensure_ascii=False)})
