"""Script of an episode -> identity and character of its speakers (MCLP A.3).

The model reads the whole script. One that is too long for a call is read piece by piece, in order
(ADR 0011): every request about a later piece carries what was worked out so far, and of several
answers about a speaker the last one counts. With ``pieces_asked: fullest`` a speaker is asked about
once, in the piece that has most of their words, and nothing is carried along.

A valid reply describes every speaker it was asked about exactly once and nobody else, in the
language that was asked for, without speaker ids in its text and without copying an example.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pydantic

from pipelines.chat.request import Answer, ChatRequest, DeadLetter, Message
from pipelines.stages.profile_replies import (
    CharacterReply,
    CharactersReply,
    SmallCharacterReply,
    complaint,
)
from pipelines.stages.scripts import fullest_pieces, segments, speakers_of, split_script
from pipelines.stages.settings import PiecesAsked
from pipelines.stages.style import LANGUAGE_NAMES
from pipelines.stages.titles import Ask
from prompts import Prompt
from schemas.episode import CharacterProfile, Sentence

# Stands for a profile that a dry run may not buy; as long as the prompt's example, or longer.
_TYPICAL = {
    "zh": (
        "家里的父亲，退休多年的老工人，年纪六十上下",
        "脾气急，爱面子，嘴上从不饶人，其实处处替家里人着想。说话又快又冲，句子短，嗓门大，"
        "一生气就抬高声音；真到心软的时候反倒不吭声，过半天才低低地接上一句。",
    ),
    "en": (
        "the father of the family, a retired worker of about sixty",
        "Quick to anger, proud, never short of a sharp word, though all he does is for the others. "
        "He talks fast and loud in clipped sentences and raises his voice when he is crossed; when "
        "he is moved he falls silent and answers only after a while, in a low voice.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class ProfileQuestions:
    """How questions about speakers are put."""

    prompt: Prompt  # ``episode_characters``
    language: str  # ISO 639-1; profiles are written in it
    script_characters: int  # of a script in one call
    speakers_per_call: int
    pieces_asked: PiecesAsked
    max_tokens: int  # of a reply

    @property
    def small(self) -> bool:
        """Whether the prompt is for a small model, which describes one speaker a call."""
        return self.prompt.version.endswith(".small")


@dataclass
class EpisodeScript:
    """One episode on its way: what is asked about it, and what was answered so far."""

    name: str  # the episode's id, for messages
    series: str | None
    episode: str | None
    sentences: Sequence[Sentence]
    profiles: dict[str, CharacterProfile] = field(default_factory=dict)  # by speaker
    causes: dict[str, str] = field(default_factory=dict)  # speaker -> why a reply never came
    pieces: int = 0

    @property
    def speakers(self) -> list[str]:
        """Everybody who speaks in it, in order of first appearance."""
        return speakers_of(self.sentences)

    @property
    def found(self) -> tuple[CharacterProfile, ...]:
        """The profiles, in order of first appearance."""
        return tuple(self.profiles[name] for name in self.speakers if name in self.profiles)

    @property
    def is_lost(self) -> bool:
        """Whether it has speakers, and nothing was found out about any of them."""
        return bool(self.causes) and not self.profiles


@dataclass(frozen=True)
class PieceCall:
    """One request: about some of the speakers of one piece of a script."""

    script: EpisodeScript
    speakers: tuple[str, ...]
    piece: Sequence[Sentence]


def profile_speakers(
    scripts: Sequence[EpisodeScript], questions: ProfileQuestions, ask: Ask
) -> None:
    """Fills the scripts' profiles, and causes for the speakers without one.

    All first pieces are asked about together, then all second ones, and so on.
    """
    rounds = [list(piece_calls(script, questions)) for script in scripts]
    for calls_of_round in itertools.zip_longest(*rounds, fillvalue=()):
        calls = [call for calls in calls_of_round for call in calls]
        requests = [piece_request(call, questions) for call in calls]
        for call, outcome in zip(calls, ask(requests), strict=True):
            _take(call, outcome, questions)
    for script in scripts:
        for speaker in script.profiles.keys() & script.causes.keys():
            del script.causes[speaker]  # another piece told who it is


def piece_calls(script: EpisodeScript, questions: ProfileQuestions) -> Iterator[list[PieceCall]]:
    """The calls of each piece, in order; every speaker of a piece is in exactly one of them.

    With ``pieces_asked: fullest`` a speaker is in one call of one piece only.
    """
    pieces = split_script(script.sentences, questions.script_characters)
    script.pieces = len(pieces)
    fullest = fullest_pieces(pieces) if questions.pieces_asked == "fullest" else {}
    size = questions.speakers_per_call
    for number, piece in enumerate(pieces):
        asked = [s for s in speakers_of(piece) if fullest.get(s, number) == number]
        yield [
            PieceCall(script, tuple(asked[start : start + size]), piece)
            for start in range(0, len(asked), size)
        ]


def piece_request(call: PieceCall, questions: ProfileQuestions) -> ChatRequest:
    """The question: static messages, then the script, and last which speakers are meant.

    In this order all that calls about one piece have in common is in front, for the server's cache.
    """
    script, language = call.script, questions.language
    question: dict[str, object] = {
        "series": script.series,
        "episode": script.episode,
        "write in": LANGUAGE_NAMES[language],
        "segments": segments(call.piece, questions.script_characters),
    }
    if questions.pieces_asked == "every" and script.profiles:
        question["known so far"] = [_plain(profile) for profile in script.found]
    question["speakers"] = list(call.speakers)
    static: tuple[Message, ...] = tuple(
        {"role": role, "content": content} for role, content in questions.prompt.messages
    )
    content = json.dumps(question, ensure_ascii=False)
    identity, character = _TYPICAL.get(language, _TYPICAL["en"])
    typical: pydantic.BaseModel = CharactersReply(
        characters=[
            CharacterReply(speaker_id=speaker, identity=identity, character=character)
            for speaker in call.speakers
        ]
    )
    if questions.small:
        typical = SmallCharacterReply.model_construct(identity=identity, character=character)
    return ChatRequest(
        messages=(*static, {"role": "user", "content": content}),
        reply_schema=type(typical),
        max_tokens=questions.max_tokens,
        tag=f"{script.name}: {', '.join(call.speakers[:5])}",
        check=partial(
            complaint,
            asked=call.speakers,
            language=language,
            prompt=questions.prompt,
        ),
        typical=typical,
    )


def _take(call: PieceCall, outcome: Answer | DeadLetter, questions: ProfileQuestions) -> None:
    script = call.script
    if isinstance(outcome, DeadLetter):
        cause = f"{outcome.cause}: {outcome.detail}"
        script.causes.update(dict.fromkeys(call.speakers, cause))
        return
    reply: Any = outcome.value
    answers = [(call.speakers[0], reply)]
    if not questions.small:
        answers = [(answer.speaker_id, answer) for answer in reply.characters]
    for speaker, answer in answers:
        script.profiles[speaker] = CharacterProfile(
            speaker=speaker, identity=answer.identity, character=answer.character
        )


def _plain(profile: CharacterProfile) -> dict[str, str]:
    return {
        "speaker_id": profile.speaker,
        "identity": profile.identity,
        "character": profile.character,
    }
