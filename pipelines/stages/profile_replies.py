"""Replies about the speakers of an episode: their form, and what may be wrong with one."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Annotated

import pydantic
from pydantic import ConfigDict, Field

from pipelines.stages.letters import Script
from pipelines.stages.style import LANGUAGE_NAMES
from pipelines.stages.wording import measure
from prompts import Prompt

MAX_IDENTITY = 200  # characters
MAX_CHARACTER = 1000
_LABEL = re.compile(r"speaker[ _]*[0-9]+", re.IGNORECASE)  # of this episode: means nothing outside
_LEAST_SCRIPT_SHARE = 0.5  # of a profile's letters; the rest may be foreign names
_SCRIPTS = {
    "zh": (Script.HAN,),
    "ja": (Script.HAN, Script.KANA),
    "ko": (Script.HANGUL,),
}

# What the small model may say; without it, it retells the story or never comes to an end.
_AGES = "young|middle-aged|old|poor|rich|retired"
_ROLES = (
    "mother|father|daughter|son|sister|brother|grandmother|grandfather|wife|husband|neighbour|"
    "friend|colleague|boss|worker|teacher|student|doctor|officer|shopkeeper|servant|guest|stranger"
)
_TRAITS = (
    "bitter|brave|calm|cheerful|clever|curious|generous|gentle|honest|impatient|kind|lonely|loyal|"
    "nervous|patient|playful|proud|quiet|serious|shy|strict|stubborn|talkative|worried"
)
_MANNERS = (
    "bluntly|calmly|cheerfully|firmly|hesitantly|loudly|politely|quickly|quietly|sharply|slowly|"
    "softly|warmly|wearily"
)


class ProfileReply(pydantic.BaseModel):
    """Who a speaker is, and what the speaker is like."""

    model_config = ConfigDict(frozen=True)

    identity: Annotated[str, Field(min_length=1, max_length=MAX_IDENTITY)]
    character: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTER)]

    @pydantic.field_validator("identity", "character", mode="before")
    @classmethod
    def _one_line(cls, text: object) -> object:
        return " ".join(text.split()) if isinstance(text, str) else text


class CharacterReply(ProfileReply):
    """The same with the speaker's label."""

    speaker_id: str


class CharactersReply(pydantic.BaseModel):
    """One profile a speaker; :func:`complaint` checks for which."""

    model_config = ConfigDict(frozen=True)

    characters: list[CharacterReply]


class SmallCharacterReply(ProfileReply):
    """The profile of the one speaker asked about, held to a few words."""

    identity: Annotated[str, Field(pattern=rf"^an? (({_AGES}) )?({_ROLES})$")]
    character: Annotated[
        str, Field(pattern=rf"^({_TRAITS}) (and|but) ({_TRAITS}), speaks ({_MANNERS})$")
    ]


def complaint(
    reply: CharactersReply | SmallCharacterReply,
    *,
    asked: Sequence[str],
    language: str,
    prompt: Prompt,
) -> str:
    """What is wrong with a reply of the right form; empty for nothing.

    Args:
        reply: to a question about ``asked``.
        asked: speakers, each of which must be described exactly once, and nobody else.
        language: ISO 639-1 code of the language that was asked for.
        prompt: its examples must not come back as answers.
    """
    if isinstance(reply, SmallCharacterReply):
        return ""  # its form leaves nothing to check; with so few words examples do come back
    given = Counter(profile.speaker_id for profile in reply.characters)
    wrong = {
        "missing": [speaker for speaker in asked if speaker not in given],
        "not asked about": sorted(given.keys() - set(asked)),
        "more than once": sorted(speaker for speaker, times in given.items() if times > 1),
    }
    if any(wrong.values()):
        return "characters: " + "; ".join(
            f"{what}: {', '.join(repr(speaker[:40]) for speaker in speakers[:10])}"
            for what, speakers in wrong.items()
            if speakers
        )
    for profile in reply.characters:
        if why := _wrong_text(profile, language, prompt):
            return f"{profile.speaker_id}: {why}"
    return ""


def _wrong_text(profile: ProfileReply, language: str, prompt: Prompt) -> str:
    text = f"{profile.identity} {profile.character}"
    if label := _LABEL.search(text):
        return f"names {label[0]!r}; say who it is, speaker ids mean nothing to a reader"
    if (profile.identity, profile.character) in _example_profiles(prompt):
        return "repeats an example; describe the speaker of this script"
    measured = measure([text], opening_words=1)
    letters = int(measured.letters[0])
    right = int(measured.script_letters[0, list(_SCRIPTS.get(language, (Script.LATIN,)))].sum())
    if right < _LEAST_SCRIPT_SHARE * letters or not letters:
        return f"is not written in {LANGUAGE_NAMES[language]}"
    return ""


@cache
def _example_profiles(prompt: Prompt) -> frozenset[tuple[str, str]]:
    replies = [json.loads(example) for example in prompt.examples]
    return frozenset(
        (profile["identity"], profile["character"])
        for reply in replies
        for profile in reply.get("characters", [reply])
    )
