from __future__ import annotations

import random
from collections import Counter
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.stages.candidates import Candidate
from pipelines.stages.compose import Plan
from pipelines.stages.decoupling_set import DecouplingPlanner, spread
from pipelines.stages.set_settings import DecouplingSettings
from schemas import Reason
from tests.pipelines.stages.emotion_corpus import (
    FIVE,
    candidate,
    corpora,
    decoupling_settings,
    wording,
)

EMOTION_SET = [
    candidate(f"r{n:04d}", speaker=f"{n % 20}", emotion=FIVE[n % 5], language=("en", "zh")[n % 2])
    for n in range(1000)
]
NCSSD = {"zh": 21_700, "en": 10_000}


def plan(
    corpus: list[Candidate],
    settings: DecouplingSettings | None = None,
    references: list[Candidate] = EMOTION_SET,
) -> Plan:
    settings = settings or decoupling_settings(sources=["ncssd"])
    return DecouplingPlanner(settings, wording(settings), references).plan(corpus)


def dialogues(sizes: dict[str, int], labelled: float = 0.0) -> list[Candidate]:
    """Texts, of which a share has an emotion: mostly neutral, as dialogues are."""
    chance = random.Random(0)
    emotions = [*FIVE, "neutral", "neutral", "neutral", "fearful"]
    return [
        candidate(
            f"{code}{n:05d}",
            source="ncssd",
            language=code,
            emotion=chance.choice(emotions) if chance.random() < labelled else None,
        )
        for code, size in sizes.items()
        for n in range(size)
    ]


@cache
def ncssd(labelled: float) -> tuple[list[Candidate], Plan]:
    corpus = dialogues(NCSSD, labelled)
    return corpus, plan(corpus)


@pytest.mark.parametrize("labelled", [0.0, 0.7, 1.0])
def test_the_shares_of_twenty_thousand_rows(labelled: float) -> None:
    """Half of the Chinese and all of the English data, 90 % neutral references (A.4)."""
    corpus, made = ncssd(labelled)
    by_id = {one.id: one for one in corpus}
    places = {name: place for (_, name), place in made.places.items()}
    references = {one.id: one for one in EMOTION_SET}
    assert len(places) == 20_000
    for code in NCSSD:
        own = [place for name, place in places.items() if by_id[name].language == code]
        assert len(own) == 10_000
        neutral = sum(references[str(p.reference_id)].emotion == "neutral" for p in own)
        assert abs(neutral / 10_000 - 0.9) < 0.001
        assert {p.instruction_language for p in own} == {code}
        asked = Counter(place.emotion for place in own)
        assert asked.keys() == set(FIVE)
        assert all(abs(count / 10_000 - 0.2) < 0.01 for count in asked.values())
        for emotion in FIVE:  # and within each emotion
            kinds = [references[str(p.reference_id)].emotion for p in own if p.emotion == emotion]
            assert abs(kinds.count("neutral") / len(kinds) - 0.9) < 0.001
        known = [p for p in own if p.text_emotion in FIVE]
        assert bool(known) == bool(labelled)
        for emotion in FIVE if known else ():
            aligned = [p.emotion == emotion for p in known if p.text_emotion == emotion]
            assert abs(sum(aligned) / len(aligned) - 0.2) < 0.005
    unknown = sum(place.text_emotion is None for place in places.values())
    assert labelled or unknown == 20_000


def test_counts_say_what_the_set_holds() -> None:
    corpus, made = ncssd(0.7)
    counts = Counter(name for place in made.places.values() for name in place.counts)
    assert counts["language.en"] == counts["language.zh"] == 10_000
    assert counts["reference.neutral"] + counts["reference.emotional"] == 20_000
    assert abs(counts["reference.emotional"] - 2_000) <= 2
    text = {name: counts[f"text.{name}"] for name in ("aligned", "conflicting", "unknown")}
    assert sum(text.values()) == 20_000
    drawn = {name for _, name in made.places}
    assert text["unknown"] == sum(one.emotion is None for one in corpus if one.id in drawn)
    assert len(made.refused) == 11_700
    assert {reason for reason, _ in made.refused.values()} == {Reason.NOT_NEEDED}


def test_chance_says_which_row_gets_what() -> None:
    """The set keeps the order of its source, so that nothing may follow from where a row stands."""
    corpus, made = ncssd(0.0)
    asked = [p.emotion for key, p in sorted(made.places.items()) if key[1].startswith("en")]
    runs = sum(one == other for one, other in zip(asked, asked[1:], strict=False))
    assert abs(runs / len(asked) - 0.2) < 0.02
    kinds = {one.id: one.emotion for one in EMOTION_SET}
    neutral = [
        kinds[str(p.reference_id)] == "neutral"
        for key, p in sorted(made.places.items())
        if key[1].startswith("en")
    ]
    for start in range(0, 10_000, 1_000):
        assert 0.86 < sum(neutral[start : start + 1_000]) / 1_000 < 0.94
    used = Counter(p.reference_id for p in made.places.values())
    # Every neutral utterance lends its voice, and of 800 others all but e^-2.5 (65).
    assert sum(kinds[str(name)] == "neutral" for name in used) == 200
    assert 900 < len(used) < 960


@given(corpora().flatmap(lambda corpus: st.tuples(st.just(corpus), st.permutations(corpus))))
def test_every_text_is_in_the_set_or_refused_whatever_their_order(
    both: tuple[list[Candidate], list[Candidate]],
) -> None:
    settings = decoupling_settings(rows=10)
    sizes = Counter(one.language for one in both[0])
    if not sizes["en"] or not sizes["zh"]:
        with pytest.raises(UsageError, match="to balance the set's languages with"):
            plan(both[0], settings)
        return
    backwards = EMOTION_SET[::-1]
    one, other = plan(both[0], settings), plan(both[1], settings, backwards)
    assert (one.places, one.refused) == (other.places, other.refused)
    assert one.places.keys() | one.refused.keys() == {c.key for c in both[0]}
    assert not one.places.keys() & one.refused.keys()
    number = min(sizes["en"], sizes["zh"], 5)
    counts = Counter(name for place in one.places.values() for name in place.counts)
    assert counts["language.en"] == counts["language.zh"] == number
    wrong = [r for r, _ in one.refused.values() if r is Reason.LANGUAGE_NOT_WANTED]
    assert len(wrong) == sizes["fr"]


@given(st.integers(0, 500), st.floats(0, 1))
def test_spread_marks_the_share_of_every_beginning(rows: int, share: float) -> None:
    marks = list(spread(rows, share))
    for end in range(rows + 1):
        assert abs(sum(marks[:end]) - end * share) <= 0.5 + 1e-6


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_share_of_aligned_texts_can_be_set(share: float) -> None:
    made = plan(dialogues({"en": 500, "zh": 500}, 1.0), decoupling_settings(aligned_share=share))
    known = [place for place in made.places.values() if place.text_emotion in FIVE]
    aligned = sum(place.text_emotion == place.emotion for place in known)
    assert abs(aligned / len(known) - share) < 0.01
    others = [place for place in made.places.values() if place.text_emotion == "fearful"]
    assert others and all(place.emotion in FIVE for place in others)


def test_references_in_the_language_of_the_text() -> None:
    settings = decoupling_settings(reference_language="same")
    language = {one.id: one.language for one in EMOTION_SET}
    made = plan(dialogues({"en": 100, "zh": 100}), settings)
    for (_, name), place in made.places.items():
        assert language[str(place.reference_id)] == name[:2]
    english = [one for one in EMOTION_SET if one.language == "en"]
    with pytest.raises(UsageError, match="no neutral reference in 'zh'"):
        plan(dialogues({"en": 9, "zh": 9}), settings, english)


def test_an_emotion_set_without_what_is_needed_is_an_error() -> None:
    corpus = dialogues({"en": 5, "zh": 5})
    neutral = [one for one in EMOTION_SET if one.emotion == "neutral"]
    with pytest.raises(UsageError, match="esd: no emotional utterance to be a reference"):
        plan(corpus, references=neutral)
    with pytest.raises(UsageError, match="esd: no neutral utterance"):
        plan(corpus, references=[])
    alone = plan(corpus, decoupling_settings(emotional_share=0.0), neutral)
    assert len(alone.places) == 10


def test_ids_that_several_corpora_of_the_emotion_set_have_are_no_references() -> None:
    """The trainer finds references by id alone."""
    twins = [candidate("twin", source=source) for source in ("esd", "ravdess")]
    references = [*twins, candidate("own"), candidate("sad", emotion="sad")]
    made = plan(dialogues({"en": 20, "zh": 20}), references=references)
    assert {place.reference_id for place in made.places.values()} == {"own", "sad"}


def test_no_text_is_its_own_reference() -> None:
    corpus = dialogues({"en": 30, "zh": 30}, 1.0)
    made = plan(corpus, references=corpus)
    assert all(place.reference_id != name for (_, name), place in made.places.items())
