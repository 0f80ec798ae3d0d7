"""The decoupling sets: TO-easy, TO-hard, TR-easy, TR-hard (FlexiVoice 5.1, Table 1).

One draw of targets serves all four, as the equal ground-truth figures of the paper's Table 2 show:
a target is an utterance with neutral words, spoken in the target emotion. What it is asked with
differs:

    TO-easy  its own words                              ground truth: itself
    TO-hard  a sentence of another emotion              no ground truth
    TR-easy  its own words, neutral voice as reference  ground truth: itself
    TR-hard  its own words, a voice of another emotion  ground truth: itself

References are of the target's speaker, and never say the target's sentence.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from prompts import Templates
from trainer.evaluating.case import DECOUPLING, Case
from trainer.evaluating.labelled import (
    EMOTIONAL,
    EMOTIONS,
    NEUTRAL,
    Pool,
    Utterance,
    draw_of,
    one_of,
    shuffled,
)
from trainer.evaluating.settings import DecouplingSettings


@dataclass(frozen=True, slots=True)
class Shortage:
    """A set with fewer cases than were asked for."""

    task: str
    language: str
    wanted: int
    there: Mapping[str, int]  # target emotion -> how many targets could be used

    def __str__(self) -> str:
        """One line for a person."""
        counts = ", ".join(f"{emotion} {count}" for emotion, count in self.there.items())
        return f"{self.task} {self.language}: fewer than {self.wanted} cases; targets: {counts}"


@dataclass(frozen=True, slots=True)
class _Target:
    """An utterance in its emotion, and what the sets that it can be in ask it with."""

    utterance: Utterance
    emotion: str
    instruction: str
    partners: Mapping[str, Utterance | None]  # task -> reference or sentence; TO-easy: None


def decoupling_cases(
    pool: Pool,
    texts: Pool,
    language: str,
    settings: DecouplingSettings,
    templates: Templates,
    seed: int,
) -> tuple[list[Case], list[Shortage]]:
    """The four sets of a language, each balanced over the target emotions exactly.

    Where the corpus has too few, each emotion has as many cases as the rarest that it has at all.

    Args:
        pool: the corpus with the targets and the references.
        texts: the corpus with the emotional sentences of TO-hard.
        language: ISO 639-1.
        settings: how many, and which words are neutral.
        templates: of the instructions.
        seed: of the draw.

    Returns:
        Cases in the order of the sets, the emotions taking turns; and which sets are short.
    """
    sentences = _sentences(texts, settings)
    ranked = {emotion: _ranked(pool, sentences, emotion, settings, seed) for emotion in EMOTIONS}
    cases: list[Case] = []
    shortages: list[Shortage] = []
    for task in DECOUPLING:
        usable = {
            emotion: [pair for pair in found if task in pair[1]]
            for emotion, found in ranked.items()
        }
        there = {emotion: len(found) for emotion, found in usable.items()}
        each = settings.per_language // len(EMOTIONS)
        if min(there.values()) < each:
            shortages.append(Shortage(task, language, settings.per_language, there))
        each = min([each, *(count for count in there.values() if count)])
        number = 0
        for rank in range(each):
            for emotion, found in usable.items():
                if not found:
                    continue
                utterance, partners = found[rank]
                instruction = _instruction(templates, language, emotion, utterance, seed)
                target = _Target(utterance, emotion, instruction, partners)
                cases.append(_case(task, language, number, target, pool.codec.short))
                number += 1
    return cases, shortages


def _sentences(texts: Pool, settings: DecouplingSettings) -> dict[str, list[Utterance]]:
    """Emotion -> utterances whose words carry it, each sentence once."""
    found: dict[str, dict[str, Utterance]] = {emotion: {} for emotion in EMOTIONAL}
    for one in texts.utterances:
        emotion = one.text_emotion or one.emotion
        if emotion not in found:
            continue
        labelled = one.text_emotion is not None or settings.emotional_text == "label"
        if labelled or one.sentence not in texts.spoken_neutral:
            found[emotion].setdefault(one.sentence, one)
    return {emotion: list(sentences.values()) for emotion, sentences in found.items()}


def _ranked(
    pool: Pool,
    sentences: Mapping[str, Sequence[Utterance]],
    emotion: str,
    settings: DecouplingSettings,
    seed: int,
) -> list[tuple[Utterance, dict[str, Utterance | None]]]:
    """Targets of an emotion with their partners; those that every set can use come first."""
    found = []
    for one in shuffled(pool.by_emotion.get(emotion, ()), "target", seed):
        if settings.neutral_text == "any" or pool.has_neutral_text(one):
            found.append((one, _partners(pool, sentences, one, emotion, seed)))
    return sorted(found, key=lambda pair: -len(pair[1]))  # stable


def _partners(
    pool: Pool,
    sentences: Mapping[str, Sequence[Utterance]],
    one: Utterance,
    emotion: str,
    seed: int,
) -> dict[str, Utterance | None]:
    """Task -> what the target is asked with in it; tasks that cannot have it are not there."""

    def others(found: Sequence[Utterance]) -> list[Utterance]:
        return [other for other in found if other.id != one.id and other.sentence != one.sentence]

    def draw(task: str) -> random.Random:
        return draw_of(task, seed, one.id)

    conflicting = [other for other in EMOTIONAL if other != emotion]
    voices = [others(pool.by_voice.get((one.speaker, other), ())) for other in conflicting]
    neutral = others(pool.by_voice.get((one.speaker, NEUTRAL), ()))
    partners: dict[str, Utterance | None] = {"to_easy": None}
    drawn = {
        "to_hard": one_of([others(sentences[other]) for other in conflicting], draw("to_hard")),
        "tr_easy": one_of([neutral], draw("tr_easy")),
        "tr_hard": one_of(voices, draw("tr_hard")),
    }
    partners.update({task: partner for task, partner in drawn.items() if partner is not None})
    return partners


def _instruction(
    templates: Templates, language: str, emotion: str, utterance: Utterance, seed: int
) -> str:
    number = draw_of("instruction", seed, utterance.id).randrange(len(templates.texts[language]))
    return templates.fill(language, number, emotion)


def _case(task: str, language: str, number: int, target: _Target, codec: str) -> Case:
    one, partner = target.utterance, target.partners[task]
    case = Case(
        id=f"{task}-{language}-{number:04d}",
        task=task,
        language=language,
        text=one.text,
        instruction=target.instruction,
        emotion=target.emotion,
        codec=codec,
    )
    if task == "to_hard":
        assert partner is not None  # noqa: S101  (the task was chosen by its being there)
        conflict = partner.text_emotion or partner.emotion
        return replace(case, text=partner.text, text_emotion=conflict)
    case = replace(case, truth_id=one.id, truth_codes=one.codes)
    if partner is None:
        return case
    return replace(
        case,
        reference_emotion=partner.emotion,
        reference_id=partner.id,
        reference_text=partner.text,
        reference_codes=partner.codes,
    )
