from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.candidates import Candidate
from pipelines.stages.compose import Plan
from pipelines.stages.preference_pairs import plan_pairs
from schemas import Reason
from tests.pipelines.stages.emotion_corpus import (
    FIVE,
    candidate,
    corpora,
    pair_settings,
    wording,
)

SETTINGS = pair_settings(sources=["esd", "other"])


def plan(corpus: list[Candidate]) -> Plan:
    return plan_pairs(corpus, SETTINGS, wording(SETTINGS))


def esd(speakers: int, sentences: int) -> list[Candidate]:
    """As ESD is: every speaker says every sentence in every emotion."""
    return [
        candidate(f"{s:04d}_{n:03d}_{e}", speaker=f"{s:04d}", text=f"line {n}", emotion=e)
        for s in range(speakers)
        for n in range(sentences)
        for e in FIVE
    ]


@given(corpora())
def test_pairs_mix_neither_speakers_nor_sentences(corpus: list[Candidate]) -> None:
    by_id = {one.id: one for one in corpus}
    for (source, name), place in plan(corpus).places.items():
        if place.instruction is None:
            assert (place.rejected_id, place.reference_id) == (None, None)
            continue
        chosen = by_id[name]
        rejected, reference = by_id[str(place.rejected_id)], by_id[str(place.reference_id)]
        for other in (rejected, reference):
            assert (other.source, other.speaker) == (source, chosen.speaker)
            assert other.id != name
        assert rejected.sentence == chosen.sentence and rejected.emotion != chosen.emotion
        assert reference.sentence != chosen.sentence and reference.emotion == "neutral"
        assert {chosen.emotion, rejected.emotion} <= set(FIVE)
        assert place.emotion == chosen.emotion


@given(corpora())
def test_every_utterance_is_in_the_set_or_refused_and_partners_are_in_it(
    corpus: list[Candidate],
) -> None:
    made = plan(corpus)
    assert not made.places.keys() & made.refused.keys()
    assert made.places.keys() | made.refused.keys() == {one.key for one in corpus}
    there = {name for _, name in made.places}
    pointed_at = set[str]()
    for place in made.places.values():
        if place.instruction is not None:
            pointed_at |= {str(place.rejected_id), str(place.reference_id)}
    assert pointed_at <= there
    for (_, name), place in made.places.items():
        assert place.instruction is not None or name in pointed_at  # nobody is there for nothing
    for (_, name), (reason, _) in made.refused.items():
        emotion = next(one.emotion for one in corpus if one.id == name)
        wanted = Reason.PARTNER_MISSING if emotion in FIVE else Reason.LABEL_NOT_WANTED
        assert reason is wanted


@given(corpora().flatmap(lambda corpus: st.tuples(st.just(corpus), st.permutations(corpus))))
def test_the_order_of_the_corpus_does_not_matter(
    corpora: tuple[list[Candidate], list[Candidate]],
) -> None:
    one, other = (plan(corpus) for corpus in corpora)
    assert (one.places, one.refused) == (other.places, other.refused)


def test_in_a_corpus_as_esd_is_every_utterance_is_chosen_once() -> None:
    corpus = esd(4, 50)
    made = plan(corpus)
    assert not made.refused
    assert all(place.instruction for place in made.places.values())
    chosen = Counter(place.emotion for place in made.places.values())
    assert chosen == dict.fromkeys(FIVE, 200)
    emotion_of = {one.id: one.emotion for one in corpus}
    rejected = Counter(
        (place.emotion, emotion_of[str(place.rejected_id)]) for place in made.places.values()
    )
    assert len(rejected) == 20  # every emotion against every other
    assert min(rejected.values()) > 30  # 50 expected of each, sd 6
    voices = Counter(place.reference_id for place in made.places.values())
    assert max(voices.values()) < 20  # 5 expected of each of 200
    templates = Counter(place.instruction for place in made.places.values())
    assert len(templates) == 50  # ten, with each of five words


def test_what_lacks_a_partner_stays_where_another_points_to_it() -> None:
    corpus = [
        candidate("happy", text="A b", emotion="happy"),
        candidate("sad", text="a, b!", emotion="sad"),
        candidate("voice", text="c d", emotion="neutral"),
        candidate("alone", text="e f", emotion="angry"),
        candidate("disgusted", text="a b", emotion="disgusted"),
        candidate("unlabelled", text="a b", emotion=None),
    ]
    made = plan(corpus)
    assert made.places["esd", "happy"].rejected_id == "sad"
    assert made.places["esd", "sad"].rejected_id == "happy"
    assert made.places["esd", "voice"].instruction is None
    assert {key[1]: reason for key, (reason, _) in made.refused.items()} == {
        "alone": Reason.PARTNER_MISSING,
        "disgusted": Reason.LABEL_NOT_WANTED,
        "unlabelled": Reason.LABEL_NOT_WANTED,
    }


def test_a_reference_never_says_the_sentence_that_is_asked_for() -> None:
    corpus = [
        candidate("happy", text="a", emotion="happy"),
        candidate("neutral", text="a", emotion="neutral"),
    ]
    assert not plan(corpus).places  # the one neutral utterance says the same


def test_of_two_sources_with_one_id_the_first_of_the_settings_is_used() -> None:
    twice = [candidate("a", source=source, text="x") for source in ("other", "esd")]
    assert plan(twice).refused["other", "a"][0] is Reason.DUPLICATE_ID
    settings = pair_settings(sources=["other", "esd"])
    assert plan_pairs(twice, settings, wording(settings)).refused["esd", "a"][0] is (
        Reason.DUPLICATE_ID
    )


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("own", {"en": "en", "zh": "zh", "fr": "en"}),
        ("zh", dict.fromkeys(("en", "zh", "fr"), "zh")),
    ],
)
def test_the_language_of_instructions(language: str, expected: dict[str, str]) -> None:
    settings = pair_settings(instruction_language=language)
    corpus = [
        candidate(f"{code}{n}{e}", speaker=code, language=code, text=f"line {n}", emotion=e)
        for code in expected
        for n in range(3)
        for e in FIVE
    ]
    places = plan_pairs(corpus, settings, wording(settings)).places
    assert len(places) == 45
    for (_, name), place in places.items():
        assert place.instruction_language == expected[name[:2]]


def test_with_any_language_both_are_drawn() -> None:
    settings = pair_settings(instruction_language="any")
    places = plan_pairs(esd(2, 20), settings, wording(settings)).places
    drawn = Counter(place.instruction_language for place in places.values())
    assert drawn.keys() == {"en", "zh"} and min(drawn.values()) > 60  # of 200


def test_another_seed_draws_otherwise() -> None:
    settings = pair_settings(seed=1)
    one, other = plan(esd(2, 20)), plan_pairs(esd(2, 20), settings, wording(settings))
    same = sum(one.places[key].rejected_id == other.places[key].rejected_id for key in one.places)
    assert same < 100  # of 200; 50 by chance
