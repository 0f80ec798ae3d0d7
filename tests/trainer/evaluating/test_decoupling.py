"""The decoupling sets: balanced, seeded, and never what a set says they are not."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from prompts import load_templates
from tests.trainer.coded import CODEC
from trainer.evaluating.case import DECOUPLING, Case, Cases, read_cases, write_cases
from trainer.evaluating.decoupling import decoupling_cases
from trainer.evaluating.labelled import EMOTIONAL, EMOTIONS, NEUTRAL, Pool, Utterance
from trainer.evaluating.settings import DecouplingSettings

TEMPLATES = load_templates("emotion_templates", "v1")
SETTINGS = {"corpora": [{"language": "en", "folder": "data/none"}]}


def pool(speakers: int, sentences: int, neutral_only: int = 0, **missing: int) -> Pool:
    """Common sentences by every speaker in every emotion, and sentences of one emotion only."""
    found = []
    for speaker in range(speakers):
        for emotion in EMOTIONS:
            common = range(sentences - missing.get(emotion, 0))
            own = range(neutral_only if emotion == NEUTRAL else 3)
            for number in [*common, *(f"{emotion} {one}" for one in own)]:
                text = f"Sentence {number}."
                found.append(utterance(f"{speaker}-{emotion}-{number}", text, speaker, emotion))
    random.Random(0).shuffle(found)
    return Pool("data/none", CODEC, tuple(found))


def utterance(name: str, text: str, speaker: int, emotion: str) -> Utterance:
    sentence = text.lower().rstrip(".")
    codes = (len(name), speaker)
    return Utterance(name, name, text, sentence, f"S{speaker}", emotion, None, 0.0, 1.0, codes)


def make(corpus: Pool, seed: int = 0, **changes: object) -> tuple[list[Case], list[str]]:
    settings = DecouplingSettings.model_validate({**SETTINGS, **changes})
    cases, short = decoupling_cases(corpus, corpus, "en", settings, TEMPLATES, seed)
    return cases, [str(one) for one in short]


@pytest.mark.parametrize("seed", range(5))
def test_every_set_is_balanced_exactly_and_holds_what_it_says(seed: int) -> None:
    corpus = pool(speakers=6, sentences=20)
    by_id = {one.id: one for one in corpus.utterances}
    cases, short = make(corpus, seed, per_language=500)
    assert short == []
    counts = Counter((case.task, case.emotion) for case in cases)
    assert counts == {(task, emotion): 100 for task in DECOUPLING for emotion in EMOTIONS}
    neutral_texts = {one.text for one in corpus.by_emotion[NEUTRAL]}
    for case in cases:
        truth = by_id.get(case.truth_id or "")
        reference = by_id.get(case.reference_id or "")
        if case.task == "to_hard":
            assert truth is None and case.truth_codes == () and reference is None
            assert case.text_emotion in EMOTIONAL and case.text_emotion != case.emotion
            assert case.text.startswith(f"Sentence {case.text_emotion}")
            continue
        assert truth is not None and truth.emotion == case.emotion and truth.text == case.text
        assert case.truth_codes == truth.codes and case.text in neutral_texts
        assert case.text_emotion is None
        if case.task == "to_easy":
            assert reference is None and case.reference_codes == ()
            continue
        assert reference is not None and reference.speaker == truth.speaker
        assert reference.id != truth.id and reference.text != truth.text
        assert case.reference_emotion == reference.emotion
        if case.task == "tr_easy":
            assert reference.emotion == NEUTRAL
        else:
            assert reference.emotion in EMOTIONAL and reference.emotion != case.emotion


def test_all_sets_have_the_same_targets_and_instructions() -> None:
    cases, _ = make(pool(speakers=6, sentences=20), per_language=100)
    by_set = {task: [case for case in cases if case.task == task] for task in DECOUPLING}
    targets = [(case.truth_id, case.instruction) for case in by_set["to_easy"]]
    assert [(case.truth_id, case.instruction) for case in by_set["tr_easy"]] == targets
    assert [(case.truth_id, case.instruction) for case in by_set["tr_hard"]] == targets
    assert [case.instruction for case in by_set["to_hard"]] == [said for _, said in targets]
    words = TEMPLATES.words["en"]
    for case in cases:
        assert case.emotion is not None and words[case.emotion] in (case.instruction or "")
    assert len({case.instruction for case in cases}) > 20  # ten templates, five emotions


def test_conflicts_are_spread_over_all_other_emotions() -> None:
    cases, _ = make(pool(speakers=6, sentences=20), per_language=500)
    for task, field in (("to_hard", "text_emotion"), ("tr_hard", "reference_emotion")):
        chosen = [case for case in cases if case.task == task and case.emotion == "happy"]
        found = Counter(getattr(case, field) for case in chosen)
        assert set(found) == {"angry", "sad", "surprised"}
        assert min(found.values()) > 15  # of 100; 33 expected


def test_too_few_targets_are_balanced_and_said() -> None:
    cases, short = make(pool(speakers=2, sentences=10, sad=6), per_language=500)
    counts = Counter((case.task, case.emotion) for case in cases)
    assert set(counts.values()) == {8}  # two speakers, four sad neutral sentences each
    assert len(short) == 4
    assert short[0] == (
        "to_easy en: fewer than 500 cases; targets: neutral 20, happy 20, angry 20, sad 8, "
        "surprised 20"
    )


def test_an_emotion_that_is_not_there_is_left_out_and_said() -> None:
    whole = pool(speakers=2, sentences=10)
    without = tuple(one for one in whole.utterances if one.emotion != "angry")
    cases, short = make(Pool(whole.folder, whole.codec, without), per_language=25)
    counts = Counter((case.task, case.emotion) for case in cases)
    assert set(counts.values()) == {5} and len(counts) == 4 * 4
    assert len(short) == 4 and all("angry 0" in line for line in short)


def test_sentences_that_are_spoken_neutrally_carry_no_emotion_unless_labels_are_to_decide() -> None:
    same = tuple(one for one in pool(2, 10).utterances if "Sentence " + one.emotion not in one.text)  # type: ignore[operator]
    corpus = Pool("data/none", CODEC, same)
    assert {case.task for case in make(corpus, per_language=25)[0]} == set(DECOUPLING) - {"to_hard"}
    cases, _ = make(corpus, per_language=25, emotional_text="label")
    assert Counter(case.task for case in cases) == dict.fromkeys(DECOUPLING, 25)


def test_without_a_look_at_texts_any_utterance_is_a_target() -> None:
    cases, _ = make(pool(2, 2, neutral_only=1), per_language=25, neutral_text="any")
    assert Counter(case.task for case in cases)["to_easy"] == 25
    strict, _ = make(pool(2, 2, neutral_only=1), per_language=25)
    assert Counter(case.task for case in strict)["to_easy"] == 20


def test_the_same_seed_gives_the_same_bytes_and_reads_back(tmp_path: Path) -> None:
    corpus = pool(3, 10)
    found = {}
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        cases = Cases(tuple(make(corpus, seed, per_language=50)[0]), {CODEC.short: CODEC})
        write_cases(tmp_path / name, cases)
        found[name] = (tmp_path / name / "cases.parquet").read_bytes()
        assert read_cases(tmp_path / name) == cases
    assert found["one"] == found["two"] != found["three"]


def test_other_utterances_do_not_change_which_come_first() -> None:
    """A corpus that grows keeps most of its draw: order hangs on the utterance alone."""
    few, _ = make(pool(6, 20), per_language=25)
    wanted = {case.truth_id for case in few if case.task == "to_easy"}
    more, _ = make(pool(6, 21), per_language=50)
    assert len(wanted & {case.truth_id for case in more if case.task == "to_easy"}) > 15
