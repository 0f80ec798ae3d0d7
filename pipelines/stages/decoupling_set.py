"""S2: an emotion and a reference for texts of dialogues (FlexiVoice 3.2.2, A.4).

The paper draws labels and references at random. Here chance says which row gets what, and never how
many do: shares are met to within a row, so that a small set has them too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipelines.errors import UsageError
from pipelines.stages.candidates import Candidate
from pipelines.stages.compose import Key, Place, Plan
from pipelines.stages.draws import draw, pick, shuffled
from pipelines.stages.emotion_wording import EmotionWording
from pipelines.stages.set_settings import DecouplingSettings
from schemas import Reason


class DecouplingPlanner:
    """Plans one set."""

    def __init__(
        self, settings: DecouplingSettings, wording: EmotionWording, references: Iterable[Candidate]
    ) -> None:
        """Takes the emotion set, in any order.

        Raises:
            UsageError: it has no neutral utterance, or none with another emotion.
        """
        self._settings = settings
        self._wording = wording
        pool = _with_own_ids(references)
        self._neutral = _by_language(
            [one for one in pool if one.emotion == settings.neutral_emotion]
        )
        self._emotional = _by_language([one for one in pool if one.emotion in settings.emotional])
        if not self._neutral or (settings.emotional_share and not self._emotional):
            lacking = "emotional" if self._neutral else settings.neutral_emotion
            raise UsageError(
                f"{', '.join(settings.reference_sources)}: no {lacking} utterance to be a "
                "reference; name labelled corpora in reference_sources of the set"
            )

    def plan(self, candidates: Iterable[Candidate]) -> Plan:
        """What becomes of every text.

        Raises:
            UsageError: a language of the set has no text, or no reference.
        """
        refused: dict[Key, tuple[Reason, str]] = {}
        rows: dict[str, dict[str, Candidate]] = {code: {} for code in self._settings.languages}
        ids: dict[str, str] = {}  # id -> source
        rank = {name: number for number, name in enumerate(self._settings.sources)}
        for one in sorted(candidates, key=lambda c: (rank.get(c.source, len(rank)), c.key)):
            if one.language not in rows:
                what = f"is in {one.language!r}; wanted: {', '.join(rows)}"
                refused[one.key] = Reason.LANGUAGE_NOT_WANTED, what
            elif one.id in ids:
                what = f"an utterance of {ids[one.id]} has the same id"
                refused[one.key] = Reason.DUPLICATE_ID, what
            else:
                ids[one.id] = one.source
                rows[one.language][one.id] = one
        places: dict[Key, Place] = {}
        number = self._rows_per_language(rows)
        for code, there in rows.items():
            drawn = shuffled(list(there), self._settings.seed, "row")
            what = f"{len(there):,} in {code!r}, {number:,} wanted"
            refused |= {there[row].key: (Reason.NOT_NEEDED, what) for row in drawn[number:]}
            places |= self._places([there[row] for row in drawn[:number]])
        return Plan(places=places, refused=refused, templates=self._wording.templates)

    def _rows_per_language(self, rows: Mapping[str, Mapping[str, Candidate]]) -> int:
        """As many of every language as of the scarcest, and no more than the settings' rows.

        A.4: half of the Chinese and all of the English data.
        """
        fewest = min(rows, key=lambda code: (len(rows[code]), code))
        number = min(len(rows[fewest]), self._settings.rows // len(rows))
        if not number:
            raise UsageError(
                f"{', '.join(self._settings.sources)}: no row in {fewest!r} to balance the set's "
                "languages with; set its languages, or a larger number of rows"
            )
        return number

    def _places(self, rows: Sequence[Candidate]) -> dict[Key, Place]:
        """The places of one language's rows."""
        emotions = self._emotions(rows)
        by_id = {one.id: one for one in rows}
        # Dealt along this order, shares hold within each emotion too.
        order = [
            one
            for emotion in self._settings.emotions
            for one in shuffled(
                [row for row in by_id if emotions[row] == emotion], self._settings.seed, "kind"
            )
        ]
        places = {}
        marks = spread(len(order), self._settings.emotional_share)
        for row, is_emotional in zip(order, marks, strict=True):
            one = by_id[row]
            reference = self._reference(one, is_emotional)
            emotion = emotions[row]
            instruction, language = self._wording(row, one.language, emotion)
            places[one.key] = Place(
                emotion=emotion,
                instruction=instruction,
                instruction_language=language,
                reference_id=reference.id,
                text_emotion=one.emotion,
                counts=(
                    f"language.{one.language}",
                    f"emotion.{emotion}",
                    f"text.{agreement(one.emotion, emotion)}",
                    f"reference.{'emotional' if is_emotional else 'neutral'}",
                    f"reference_emotion.{reference.emotion}",
                ),
            )
        return places

    def _emotions(self, rows: Sequence[Candidate]) -> dict[str, str]:
        """Id -> the emotion to be spoken with.

        Of texts with a known emotion of the set's, ``aligned_share`` get that one and the rest the
        others in turn; all other texts get all emotions in turn.
        """
        settings = self._settings
        own: defaultdict[str | None, list[str]] = defaultdict(list)
        for one in rows:
            own[one.emotion if one.emotion in settings.emotions else None].append(one.id)
        order = [
            (emotion, row)
            for emotion in settings.emotions
            for row in shuffled(own[emotion], settings.seed, "aligned")
        ]
        given: dict[str, str] = {}
        conflicting: defaultdict[str | None, list[str]] = defaultdict(list)
        conflicting[None] = own[None]
        aligned = spread(len(order), settings.aligned_share)
        for (emotion, row), is_aligned in zip(order, aligned, strict=True):
            if is_aligned:
                given[row] = emotion
            else:
                conflicting[emotion].append(row)
        for text_emotion, group in conflicting.items():
            others = [one for one in settings.emotions if one != text_emotion]
            # So that the few that are over do not fall on the same emotion in every language.
            first = draw(settings.seed, "first emotion", rows[0].language, text_emotion or "")
            for number, row in enumerate(shuffled(group, settings.seed, "emotion")):
                given[row] = others[(first + number) % len(others)]
        return given

    def _reference(self, one: Candidate, is_emotional: bool) -> Candidate:
        pools = self._emotional if is_emotional else self._neutral
        code = one.language if self._settings.reference_language == "same" else None
        pool = pools.get(code, [])
        found = pick(pool, self._settings.seed, "reference", one.id) if pool else one
        if found.id == one.id:  # the emotion set may be where the texts are from, too
            pool = [other for other in pool if other.id != one.id]
        if not pool:
            kind = "emotional" if is_emotional else self._settings.neutral_emotion
            raise UsageError(
                f"{', '.join(self._settings.reference_sources)}: no {kind} reference in "
                f"{code!r}; add a corpus to reference_sources, or set reference_language: any"
            )
        return pick(pool, self._settings.seed, "reference", one.id)


def agreement(text_emotion: str | None, emotion: str) -> str:
    """How what the text speaks of and what is asked for go together.

    >>> [agreement(one, "sad") for one in ("sad", "happy", None)]
    ['aligned', 'conflicting', 'unknown']
    """
    if text_emotion is None:
        return "unknown"
    return "aligned" if text_emotion == emotion else "conflicting"


def spread(rows: int, share: float) -> Iterator[bool]:
    """Marks ``share`` of the rows, evenly: of every stretch within one of its share.

    >>> list(spread(5, 0.4))
    [False, True, False, True, False]
    """
    done = 0
    for number in range(1, rows + 1):
        due = int(number * share + 0.5 + 1e-9)
        yield due > done
        done = due


def _with_own_ids(references: Iterable[Candidate]) -> list[Candidate]:
    """Sorted, without those whose id another corpus has too: the trainer finds them by id alone."""
    pool = sorted(references, key=lambda one: one.key)
    times = Counter(one.id for one in pool)
    return [one for one in pool if times[one.id] == 1]


def _by_language(pool: Sequence[Candidate]) -> dict[str | None, list[Candidate]]:
    """Language -> its candidates; None -> all."""
    found: dict[str | None, list[Candidate]] = {}
    for one in pool:
        found.setdefault(None, []).append(one)
        found.setdefault(one.language, []).append(one)
    return found
