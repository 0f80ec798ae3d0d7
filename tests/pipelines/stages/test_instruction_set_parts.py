"""The pieces of the S3 set: seeds, items, wordings, the sample, requests."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import prompts
from pipelines.errors import UsageError
from pipelines.params import load_params
from pipelines.stages.instruction_set_items import Draft, Flaw, ItemJudge, unstated
from pipelines.stages.instruction_set_replies import _SMALL, reply_form, small_features
from pipelines.stages.instruction_set_requests import Requester, Wanted, configurations
from pipelines.stages.instruction_set_sample import Sample, Sampled, check_sizes, sample
from pipelines.stages.instruction_set_seeds import ATTRIBUTES, Seed, draw_seeds
from pipelines.stages.instruction_set_settings import InstructionSetSettings
from pipelines.stages.instruction_set_wordings import Wordings, jaccard
from pipelines.stages.near_duplicates import sketch
from schemas import PromptOrigin, Reason
from tests.pipelines.instruction_corpus import annotated_folder

_found = load_params("params.yaml").sets["s3"]
assert isinstance(_found, InstructionSetSettings)
SETTINGS = _found
FEATURES = PromptOrigin.FEATURES
SEED = Seed(1, "a cook", "in a cellar", "cold", ("pitch", "speed", "age"))
GOOD = {
    "seed": 1,
    "instruction": "Quite low, hurried along, by someone in their eighties.",
    "features": {"pitch": "quite low", "speed": "hurried along", "age": "in their eighties"},
    "text": "Is there any soup left?",
}


def judged(
    item: dict[str, Any], origin: PromptOrigin = FEATURES, language: str = "en"
) -> Draft | Flaw:
    return ItemJudge(SETTINGS, language, origin, frozenset({"anexample"})).judge(item, SEED)


def test_the_papers_counts_are_in_the_parameters() -> None:
    """FlexiVoice A.4: 14,000 rows, 500 of each number of features."""
    asking = SETTINGS.openai
    assert asking.languages == ["zh", "en"] and asking.counts.total == 7000
    wanted = {one.label: one.count for one in configurations(asking, "zh")}
    assert wanted == {
        "zh.dictionary": 2000,
        **{f"zh.features_{number}": 500 for number in (3, 4, 5, 6)},
        "zh.free": 2000,
    }


def test_there_are_the_twelve_attributes_of_the_paper() -> None:
    named = "gender pitch texture clarity fluency speed accent age volume emotion tone personality"
    assert ATTRIBUTES == tuple(named.split())
    assert _SMALL.keys() == set(ATTRIBUTES)


@given(st.text(max_size=9), st.integers(1, 9), st.integers(0, 12))
def test_seeds_are_a_function_of_their_purpose(purpose: str, number: int, attributes: int) -> None:
    seeds = draw_seeds(purpose, number, attributes)
    assert seeds == draw_seeds(purpose, number, attributes)
    assert [seed.number for seed in seeds] == list(range(1, number + 1))
    for seed in seeds:
        assert len(set(seed.attributes)) == attributes
        assert list(seed.attributes) == sorted(seed.attributes, key=ATTRIBUTES.index)


def test_attributes_come_equally_often() -> None:
    drawn = Counter(
        name for n in range(400) for seed in draw_seeds(f"{n}", 10, 3) for name in seed.attributes
    )
    assert drawn.keys() == set(ATTRIBUTES)
    assert all(abs(count - 1000) < 120 for count in drawn.values())  # four standard deviations


def test_a_good_item_passes() -> None:
    assert judged(GOOD) == Draft(str(GOOD["instruction"]), str(GOOD["text"]), SEED.attributes)


@pytest.mark.parametrize(
    ("change", "reason", "said"),
    [
        ({"features": {"pitch": "quite low", "speed": "hurried along"}}, "FEATURES_WRONG", "age"),
        (
            {"features": GOOD["features"] | {"tone": "by someone"}},  # type: ignore[operator]
            "FEATURES_WRONG",
            "names tone, which was not asked for",
        ),
        (
            {"features": GOOD["features"] | {"age": "very old"}},  # type: ignore[operator]
            "FEATURES_WRONG",
            "'very old' does not stand in the instruction",
        ),
        (
            {"features": GOOD["features"] | {"speed": "low"}},  # type: ignore[operator]
            "FEATURES_WRONG",
            "in a place of its own",
        ),
        ({"features": GOOD["features"] | {"age": " "}}, "FEATURES_WRONG", "lacks age"),  # type: ignore[operator]
        ({"text": "..."}, "TEXT_EMPTY", "no letter in the text"),
        ({"text": "word " * 100}, "TEXT_OVERLONG", "500 characters, 300 are allowed"),
        ({"text": "你好，今天下雨。"}, "LANGUAGE_WRONG", "0 of 6 letters"),
        ({"text": "An example!"}, "EXAMPLE_COPIED", "the text of an example"),
    ],
)
def test_what_is_wrong_with_an_item_is_named(
    change: dict[str, Any], reason: str, said: str
) -> None:
    found = judged(GOOD | change)
    assert isinstance(found, Flaw) and found.reason is Reason[reason]
    assert said in found.detail


def test_a_dictionary_is_shown_with_keys_of_its_language() -> None:
    description = {"age": "老人", "speed": " 很 慢", "pitch": "低", "tone": "冷淡", "volume": ""}
    item = {"seed": 1, "description": description, "text": "还有汤吗？"}
    found = judged(item, PromptOrigin.DICTIONARY, "zh")
    assert isinstance(found, Draft)
    assert json.loads(found.instruction) == {
        "音高": "低",
        "语速": "很 慢",
        "年龄": "老人",
        "语气": "冷淡",
    }
    assert found.attributes == ("pitch", "speed", "age", "tone")
    for wrong in ({**description, "mood": "冷"}, {"pitch": "低"}):
        flaw = judged(item | {"description": wrong}, PromptOrigin.DICTIONARY, "zh")
        assert isinstance(flaw, Flaw) and flaw.reason is Reason.FEATURES_WRONG
    english = judged(
        item | {"description": dict.fromkeys(SEED.attributes, "low")}, PromptOrigin.DICTIONARY, "zh"
    )
    assert isinstance(english, Flaw) and english.reason is Reason.LANGUAGE_WRONG


@example(["aa", "a  "])  # spaces make no phrase longer
@given(st.lists(st.text("abc ", min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_phrases_that_are_joined_are_all_stated(phrases: list[str]) -> None:
    assert unstated(" | ".join(phrases), phrases) is None
    assert unstated(" | ".join(phrases), [*phrases, "z"]) == "z"


@pytest.mark.parametrize("origin", [one for one in PromptOrigin if one is not PromptOrigin.SAMPLED])
def test_a_small_form_takes_one_short_item(origin: PromptOrigin) -> None:
    form = reply_form(origin, "v1.small", ("pitch", "speed"))
    assert form is reply_form(origin, "v1.small", ("pitch", "speed"))
    item: dict[str, Any] = {"seed": 1, "text": "The soup is very cold."}
    if origin is PromptOrigin.DICTIONARY:
        item["description"] = {"pitch": "low", "speed": "slow"}
    elif origin is FEATURES:
        item["instruction"] = "Speak with a low pitch, a fast pace."
        found = small_features(item["instruction"], ("pitch", "speed"))
        assert found == {"pitch": "low pitch", "speed": "fast pace"}
    else:
        item["instruction"] = "Whisper like a tired nurse in a library."
    assert len(form.model_validate({"items": [item]}).items) == 1
    for wrong in ([], [item, item], [item | {"text": "no"}], [item | {"seed": 2}]):
        with pytest.raises(pydantic.ValidationError):
            form.model_validate({"items": wrong})


def test_wordings_repeat_themselves_or_nearly() -> None:
    wordings = Wordings(shingle_characters=4, similar_share=0.6)
    texts = [
        "Speak slowly, as if the night would never end.",
        "SPEAK slowly - as if the night would never end!",
        "Speak slowly, as if the night will never end.",
        "Speak slowly.",
        "Hurry!",
    ]
    places = wordings.add(texts[:2])
    assert wordings.fault(places[0]) is None
    wordings.keep(places[0], "first")
    fault = wordings.fault(places[1])
    assert fault is not None and fault == (Reason.INSTRUCTION_REPEATED, "the wording of first")
    near, short, other = wordings.add(texts[2:])
    fault = wordings.fault(near)
    assert fault is not None and fault[0] is Reason.INSTRUCTION_SIMILAR and "first" in fault[1]
    assert wordings.fault(short) is None and wordings.fault(other) is None


@given(st.lists(st.text("ab", min_size=1, max_size=12), max_size=12), st.integers(0, 12))
def test_wordings_find_what_comparing_all_with_all_finds(texts: list[str], cut: int) -> None:
    wordings = Wordings(shingle_characters=2, similar_share=0.5)
    kept: list[str] = []
    sketches = {text: sketch([text], 2, scale=1) for text in texts}
    for batch in (texts[:cut], texts[cut:]):
        for place, text in zip(wordings.add(batch), batch, strict=True):
            new = text not in kept and all(
                jaccard(sketches[text], sketches[other]) < 0.5 for other in kept
            )
            assert (wordings.fault(place) is None) == new
            if new:
                wordings.keep(place, text)
                kept.append(text)


def test_a_sample_depends_on_neither_order_nor_parts(tmp_path: Path) -> None:
    one = annotated_folder(tmp_path / "one", rows=40, parts=1)
    many = annotated_folder(tmp_path / "many", rows=40, parts=5)
    found = [
        sample([str(p) for p in sorted(folder.glob("part-*"))], ["zh", "en"], 7, seed=3)
        for folder in (one, many)
    ]
    for language in ("zh", "en"):
        wordings = [[(row.instruction, row.text) for row in s[language].found()] for s in found]
        assert wordings[0] == wordings[1] and len(set(wordings[0])) == 7
        assert found[0][language].rows == 40
    other = sample([str(one / "part-00000.parquet")], ["en"], 7, seed=4)["en"].found()
    assert {row.text for row in other} != {row.text for row in found[0]["en"].found()}
    with pytest.raises(UsageError, match="21 different prompts .* 20 of en with an instruction"):
        check_sizes(sample([str(one / "part-00000.parquet")], ["en"], 21, 3).values(), "sets.s3")


def test_every_prompt_is_as_likely_as_another() -> None:
    """However often it is there: one in four here is there nine times."""
    drawn: Counter[str] = Counter()
    for seed in range(400):
        found = Sample("en", 10, seed)
        for number in range(40):
            for copy in range(9 if number % 4 == 0 else 1):
                found.add(Sampled("s", f"{number}-{copy}", "Say it", f"text {number}", "CC0-1.0"))
        assert {row.id.endswith("-0") for row in found.found()} == {True}  # the first by id
        drawn.update(row.text for row in found.found())
    counts = np.array(list(drawn.values()))
    assert len(counts) == 40 and counts.min() > 60 and counts.max() < 140  # 100 are expected


def requester(origin: PromptOrigin, features: int, items: int) -> Requester:
    asking = SETTINGS.openai.model_copy(update={"items_per_call": items})
    prompt = prompts.load(f"s3_{origin}", "v1")
    return Requester(Wanted("en", origin, features, 9), prompt, SETTINGS, asking)


def test_requests_are_numbered_and_go_on() -> None:
    asks = requester(FEATURES, 3, 4)
    first, second = asks.requests(9), asks.requests(1)
    assert [r.tag for r in (*first, *second)] == [f"en.features_3.{n}" for n in (1, 2, 3, 4)]
    question = json.loads(str(first[0].messages[-1]["content"]))
    assert (question["write in"], question["features"], question["request"]) == ("English", 3, 1)
    assert [len(seed["attributes"]) for seed in question["seeds"]] == [3] * 4
    assert first[0].messages[:-1] == second[0].messages[:-1]  # what servers keep in their cache
    assert first[0].typical is not None and len(first[0].typical.model_dump()["items"]) == 4


def test_a_reply_is_refused_where_too_little_can_be_used() -> None:
    asks = requester(PromptOrigin.FREE, 0, 4)
    (request, *_) = asks.requests(4)
    assert request.check is not None

    def reply(*seeds: int) -> pydantic.BaseModel:
        items = [
            {"seed": n, "instruction": f"As in {n}.", "text": "Is there any soup left?"}
            for n in seeds
        ]
        return request.reply_schema.model_validate({"items": items})

    assert request.check(reply(4, 1)) == ""
    said = "3 of 4 items cannot be used; seed 1: no item for seed 1"
    assert request.check(reply(3, 3, 7)) == said
    found = asks.judged(1, reply(4, 1, 9))
    assert [where for where, _ in found] == [f"en.free.1.{n}" for n in (1, 2, 3, 4)]
    assert [isinstance(one, Draft) for _, one in found] == [True, False, False, True]
