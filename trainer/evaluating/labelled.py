"""Labelled corpora as what cases are drawn from: every utterance with its emotion and its codes."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from manifests.codec import CodecIdentity
from trainer.audio_models.emotion2vec import FLEXIVOICE_LABELS
from trainer.data.cuts import CodedFolder, CodedTurn, holds
from trainer.data.settings import Where
from trainer.text_normal import normalise

NEUTRAL = "neutral"
EMOTIONS = FLEXIVOICE_LABELS  # FlexiVoice 5.1 keeps five
EMOTIONAL = tuple(emotion for emotion in EMOTIONS if emotion != NEUTRAL)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance of a labelled corpus."""

    id: str
    cut_id: str
    text: str
    sentence: str  # the text as texts are compared
    speaker: str
    emotion: str | None  # of the voice; one of the five, else None
    text_emotion: str | None  # of the words, where the corpus says so
    start: float  # in its cut, seconds
    duration: float  # seconds
    codes: tuple[int, ...]


@dataclass(frozen=True)
class Pool:
    """All utterances of one folder in one language, in the order of its shards."""

    folder: str
    codec: CodecIdentity
    utterances: tuple[Utterance, ...]

    @cached_property
    def by_emotion(self) -> dict[str, list[Utterance]]:
        """Emotion of the voice -> utterances."""
        found = defaultdict(list)
        for one in self.utterances:
            if one.emotion is not None:
                found[one.emotion].append(one)
        return dict(found)

    @cached_property
    def by_voice(self) -> dict[tuple[str, str], list[Utterance]]:
        """Speaker and emotion -> utterances."""
        found = defaultdict(list)
        for one in self.utterances:
            if one.emotion is not None and one.speaker:
                found[one.speaker, one.emotion].append(one)
        return dict(found)

    @cached_property
    def spoken_neutral(self) -> frozenset[str]:
        """Sentences that somebody says in a neutral voice."""
        return frozenset(one.sentence for one in self.by_emotion.get(NEUTRAL, ()))

    def has_neutral_text(self, one: Utterance) -> bool:
        """Whether the words are neutral: as the corpus says, else as they are spoken."""
        if one.text_emotion is not None:
            return one.text_emotion == NEUTRAL
        return one.sentence in self.spoken_neutral


def read_pool(folder: str, language: str, where: Where) -> Pool:
    """The utterances of a tokenized folder in one language that have a text.

    Raises:
        UsageError: the folder has no finished codes.
        DataError: a shard is damaged.
    """
    coded = CodedFolder(folder)
    turns = (turn for number in range(len(coded.shards)) for turn in coded.read(number).turns)
    wanted = (
        turn
        for turn in turns
        if turn.supervision.get("language") in (None, language)
        and holds(turn, where)
        and normalise(turn.text)
    )
    return Pool(folder, coded.codec, tuple(map(_utterance, wanted)))


def _utterance(turn: CodedTurn) -> Utterance:
    return Utterance(
        id=turn.id,
        cut_id=str(turn.cut.manifest["id"]),
        text=turn.text,
        sentence=normalise(turn.text),
        speaker=turn.speaker,
        emotion=_emotion(turn, "emotion"),
        text_emotion=_emotion(turn, "text_emotion"),
        start=float(turn.supervision["start"]),
        duration=float(turn.supervision["duration"]),
        codes=turn.codes,
    )


def _emotion(turn: CodedTurn, field: str) -> str | None:
    """A label of the five; several labels, or another one, are none of them."""
    found = turn.field(field)
    return found if isinstance(found, str) and found in EMOTIONS else None


def shuffled(found: Iterable[Utterance], *seed: object) -> list[Utterance]:
    """In an order that depends on the seed and on each utterance, not on what else there is."""
    return sorted(found, key=lambda one: draw_of(*seed, one.id).random())


def draw_of(*seed: object) -> random.Random:
    """Random numbers of their own for each thing that is drawn."""
    return random.Random(" ".join(map(str, seed)))


def one_of(groups: Sequence[Sequence[Utterance]], chance: random.Random) -> Utterance | None:
    """A group at random, then one of it: rare emotions are drawn as often as common ones."""
    there = [group for group in groups if group]
    return chance.choice(chance.choice(there)) if there else None
