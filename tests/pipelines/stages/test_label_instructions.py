"""Rules from labels to instructions: the same id, the same one; all templates equally often."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prompts
from pipelines.stages.label_instructions import (
    Given,
    NoReply,
    NoRule,
    Nothing,
    ShippedRule,
    TemplateRule,
    TupleRule,
    features_text,
    tuple_of,
)
from pipelines.stages.label_replies import Written

EMOTION = prompts.load_templates("emotion_templates", "v1")
CHILD = prompts.load_templates("child_templates", "v1")
IDS = st.text(min_size=1, max_size=40)
EMOTIONS = st.sampled_from(sorted(EMOTION.words["en"]))
ROWS = 4000


def row(row_id: str = "u1", language: str = "en", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A row with what rules look at; ``more`` are labels, and the description."""
    description = more.pop("description", None)
    labels = [
        {"name": name, "value": value}
        for name, values in sorted(more.items())
        for value in (values if isinstance(values, list) else [values])
    ]
    return {"id": row_id, "language": language, "labels": labels, "description": description}


@given(IDS, st.sampled_from(["en", "zh", "ja"]), EMOTIONS)
def test_the_same_id_gets_the_same_template_filled_with_its_label(
    row_id: str, language: str, emotion: str
) -> None:
    rule = TemplateRule(EMOTION, "own", 0)
    found = rule(row(row_id, language, emotion=emotion))
    assert found == rule(row(row_id, language, emotion=emotion, gender="male"))
    assert isinstance(found, Given)
    written_in = language if language in EMOTION.texts else "en"
    assert found.instruction_language == written_in
    assert EMOTION.words[written_in][emotion] in found.instruction
    assert (found.prompt_name, found.prompt_sha256) == ("emotion_templates/v1", EMOTION.sha256)
    assert found.chat_model is None and found.reply_sha256 is None


def test_another_seed_is_another_draw() -> None:
    found = {TemplateRule(EMOTION, "any", seed)(row("u1", emotion="sad")) for seed in range(20)}
    assert len(found) > 5


def test_every_template_is_used_in_every_language() -> None:
    rule = TemplateRule(EMOTION, "any", 0)
    found = Counter(
        (given.instruction_language, given.instruction)
        for given in (rule(row(f"{n}", "fr", emotion="sad")) for n in range(ROWS))
        if isinstance(given, Given)
    )
    filled = {(one, EMOTION.fill(one, n, "sad")) for one in EMOTION.texts for n in range(10)}
    assert set(found) == filled and sum(found.values()) == ROWS
    assert all(abs(times - ROWS / 20) < 75 for times in found.values())


def test_the_language_may_be_one_for_all() -> None:
    found = TemplateRule(EMOTION, "zh", 0)(row("u1", "en", emotion="angry"))
    assert isinstance(found, Given) and "愤怒" in found.instruction


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({}, "without_label"),
        ({"gender": "male"}, "without_label"),
        ({"emotion": "elated"}, "label_without_word"),
    ],
)
def test_without_a_word_there_is_no_instruction(labels: dict[str, str], why: str) -> None:
    assert TemplateRule(EMOTION, "own", 0)(row(**labels)) == Nothing(why)


def test_of_several_values_one_with_a_word_is_drawn() -> None:
    rule = TemplateRule(EMOTION, "own", 0)
    found = [rule(row(f"{n}", emotion=["happy", "odd", "sad"])) for n in range(200)]
    words = Counter("happy" in one.instruction for one in found if isinstance(one, Given))
    assert sum(words.values()) == 200 and 60 < words[True] < 140


def test_a_child_of_unknown_gender_is_a_child() -> None:
    rule = TemplateRule(CHILD, "own", 0)
    words = {"male": "boy", "female": "girl", None: "child"}
    for gender, word in words.items():
        found = rule(row(**({"gender": gender} if gender else {})))
        assert isinstance(found, Given) and word in found.instruction


WRITTEN = Written(
    (*(("zh", f"第{n}句") for n in range(3)), *(("en", f"Line {n}.") for n in range(3))),
    "model",
    "1" * 64,
)
LABELS = tuple_of([{"name": "age", "value": "child"}, {"name": "gender", "value": "male"}])


def test_a_combination_s_six_instructions_are_all_used() -> None:
    rule = TupleRule({LABELS: WRITTEN}, (), "attribute_instructions/v1", "0" * 64, 0)
    found = [rule(row(f"{n}", "zh", age="child", gender="male")) for n in range(ROWS)]
    given = [one for one in found if isinstance(one, Given)]
    counted = Counter((one.instruction_language, one.instruction) for one in given)
    assert set(counted) == set(WRITTEN.instructions) and sum(counted.values()) == ROWS
    assert all(abs(times - ROWS / 6) < 120 for times in counted.values())
    first = given[0]
    assert (first.chat_model, first.reply_sha256) == ("model", "1" * 64)
    assert (first.prompt_name, first.prompt_sha256) == ("attribute_instructions/v1", "0" * 64)


def test_a_combination_counts_only_the_labels_that_were_asked_about() -> None:
    rule = TupleRule({LABELS: WRITTEN}, ("age", "gender"), "p", "0" * 64, 0)
    assert isinstance(rule(row(age="child", gender="male", accent="ji-lu")), Given)
    assert rule(row(accent="ji-lu")) == Nothing("without_label")


def test_a_dead_letter_stays_one_and_a_stranger_is_an_error() -> None:
    rule = TupleRule({LABELS: NoReply("invalid")}, (), "p", "0" * 64, 0)
    assert rule(row(age="child", gender="male")) == NoReply("invalid")
    with pytest.raises(KeyError):
        rule(row(age="elderly"))


def test_what_is_shipped_is_features_or_one_of_the_descriptions() -> None:
    labels = {"gender": "female", "pitch": "low", "description": "A low voice.\n\n She  whispers. "}
    found = [ShippedRule((), 0)(row(f"{n}", **labels)) for n in range(900)]
    counted = Counter(one.instruction for one in found if isinstance(one, Given))
    assert set(counted) == {"gender: female; pitch: low", "A low voice.", "She whispers."}
    assert all(abs(times - 300) < 75 for times in counted.values())
    assert {one.prompt_sha256 for one in found if isinstance(one, Given)} == {None}


def test_what_is_shipped_may_be_one_of_both_or_nothing() -> None:
    assert ShippedRule((), 0)(row(description="Fast.")) == Given(instruction="Fast.")
    only = ShippedRule(("pitch",), 0)(row(gender="male", pitch="low"))
    assert only == Given(instruction="pitch: low", instruction_language="en")
    assert ShippedRule((), 0)(row(description=" \n ")) == Nothing("without_description")


def test_no_rule_gives_nothing() -> None:
    assert NoRule()(row(emotion="sad", description="Sad.")) == Nothing("not_wanted")


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from("xyz"), min_size=1)))
def test_features_have_every_value_once_and_in_order(labels: dict[str, list[str]]) -> None:
    pairs = [{"name": name, "value": one} for name, values in labels.items() for one in values]
    text = features_text(tuple_of(pairs))
    expected = (f"{name}: {', '.join(sorted(set(labels[name])))}" for name in sorted(labels))
    assert text == "; ".join(expected)
