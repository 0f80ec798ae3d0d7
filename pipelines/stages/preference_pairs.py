"""S1: who is preferred to whom, and who lends the voice (FlexiVoice 3.2.1, A.5).

Every utterance with one of the emotions is preferred once, for an instruction that asks for its
emotion; not preferred is the same speaker with the same sentence in another emotion; the reference
is a neutral utterance of that speaker with another sentence. An utterance that has no such partners
stays where another one points to it, without an instruction; otherwise it is rejected.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.stages.candidates import Candidate
from pipelines.stages.compose import Key, Place, Plan
from pipelines.stages.draws import draw, pick
from pipelines.stages.emotion_wording import EmotionWording
from pipelines.stages.set_settings import PreferencePairsSettings
from schemas import Reason


@dataclass(frozen=True, slots=True)
class _Partners:
    rejected: Candidate
    reference: Candidate


def plan_pairs(
    candidates: Iterable[Candidate], settings: PreferencePairsSettings, wording: EmotionWording
) -> Plan:
    """What becomes of every utterance.

    Args:
        candidates: of all sources, in any order. Of two with one id the one whose source comes
            first in the settings is used: a set's rows are found by id.
        settings: of the set.
        wording: what instructions are made with.
    """
    refused: dict[Key, tuple[Reason, str]] = {}
    usable: dict[str, Candidate] = {}
    rank = {name: number for number, name in enumerate(settings.sources)}
    # A source that was given with --input need not be one of the settings'.
    for one in sorted(candidates, key=lambda c: (rank.get(c.source, len(rank)), c.key)):
        if one.emotion not in settings.emotions:
            what = f"its emotion is {one.emotion or 'not one'}; wanted: {_names(settings.emotions)}"
            refused[one.key] = Reason.LABEL_NOT_WANTED, what
        elif one.id in usable:
            what = f"an utterance of {usable[one.id].source} has the same id"
            refused[one.key] = Reason.DUPLICATE_ID, what
        else:
            usable[one.id] = one
    partners = _partners(usable.values(), settings)
    pointed_at = {one.id for pair in partners.values() for one in (pair.rejected, pair.reference)}
    places: dict[Key, Place] = {}
    for one in usable.values():
        found = partners.get(one.id)
        if found is not None:
            places[one.key] = _chosen(one, found, wording)
        elif one.id in pointed_at:
            places[one.key] = Place(counts=("role.partner",))
        else:
            what = (
                "no utterance of this speaker with the same sentence in another emotion, or none "
                f"in {settings.reference_emotion!r} with another sentence"
            )
            refused[one.key] = Reason.PARTNER_MISSING, what
    return Plan(places=places, refused=refused, templates=wording.templates)


def _chosen(one: Candidate, found: _Partners, wording: EmotionWording) -> Place:
    emotion = str(one.emotion)
    instruction, language = wording(one.id, one.language, emotion)
    return Place(
        emotion=emotion,
        instruction=instruction,
        instruction_language=language,
        rejected_id=found.rejected.id,
        reference_id=found.reference.id,
        counts=(
            "role.chosen",
            f"chosen.{emotion}",
            f"rejected.{found.rejected.emotion}",
            f"language.{one.language}",
        ),
    )


def _partners(
    candidates: Iterable[Candidate], settings: PreferencePairsSettings
) -> dict[str, _Partners]:
    """Id -> its partners, for those that have both."""
    by_speaker: defaultdict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for one in candidates:
        by_speaker[one.source, one.speaker].append(one)
    found = {}
    for own in by_speaker.values():
        own.sort(key=lambda one: (one.sentence, one.id))
        neutral = [one for one in own if one.emotion == settings.reference_emotion]
        said: defaultdict[str, defaultdict[str, list[Candidate]]]
        said = defaultdict(lambda: defaultdict(list))
        for one in own:
            said[one.sentence][str(one.emotion)].append(one)
        for one in own:
            rejected = _other_emotion(one, said[one.sentence], settings.seed)
            reference = _other_sentence(one, neutral, settings.seed)
            if rejected is not None and reference is not None:
                found[one.id] = _Partners(rejected, reference)
    return found


def _other_emotion(
    one: Candidate, takes: dict[str, list[Candidate]], seed: int
) -> Candidate | None:
    """A take of the sentence in another emotion: every emotion as likely, then every take."""
    others = sorted(takes.keys() - {str(one.emotion)})
    if not others:
        return None
    return pick(takes[pick(others, seed, "rejected emotion", one.id)], seed, "rejected", one.id)


def _other_sentence(one: Candidate, neutral: Sequence[Candidate], seed: int) -> Candidate | None:
    """A neutral utterance with another sentence, each as likely.

    Args:
        one: whose reference it is to be.
        neutral: of the same speaker, sorted by sentence.
        seed: of the draw.
    """
    first = bisect_left(neutral, one.sentence, key=lambda other: other.sentence)
    after = bisect_right(neutral, one.sentence, key=lambda other: other.sentence)
    others = len(neutral) - (after - first)
    if not others:
        return None
    number = draw(seed, "reference", one.id) % others
    return neutral[number if number < first else number + after - first]


def _names(emotions: Sequence[str]) -> str:
    return ", ".join(emotions)
