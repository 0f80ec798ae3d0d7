"""Each rule of the audit at its edges."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prompts
from pipelines.errors import StageFailed
from pipelines.stages.audit import Audit
from pipelines.stages.names import leaked_name, names_of, names_of_all
from pipelines.stages.overuse import count_cells, may_be_overused, overused
from pipelines.stages.settings import SelectSettings
from pipelines.stages.survey import Survey
from pipelines.stages.wording import measure, words_of
from schemas import AnnotatedUtterance, Reason, Value, table_of
from tests.records import annotated

PLAIN = "Call it like a commentator who can hardly believe it."


def settings(**changes: Any) -> SelectSettings:  # noqa: ANN401
    content = {
        "keep_values": [Value.HIGH, Value.MEDIUM],
        "keep_without_instruction": True,
        "max_words": 12,
        "max_characters": 20,
        "min_script_share": 0.6,
        "opening_words": 3,
        "max_opening_share": 0.2,
        "max_same": 2,
        "min_repeats": 2,
    }
    return SelectSettings.model_validate({**content, **changes})


def judge(survey: Survey | None = None, **changes: Any) -> tuple[Reason, str] | None:  # noqa: ANN401
    rows = table_of(AnnotatedUtterance, [annotated(**changes)])
    return Audit(settings(), survey or Survey()).findings(rows).get(0)


def reason(survey: Survey | None = None, **changes: Any) -> Reason | None:  # noqa: ANN401
    found = judge(survey, **changes)
    return found[0] if found else None


def test_a_good_row_stays() -> None:
    assert judge() is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [("high", None), ("medium", None), ("low", Reason.VALUE_NOT_KEPT)]
    + [(other, Reason.VALUE_NOT_KEPT) for other in (None, "HIGH", "")],
)
def test_values(value: str | None, expected: Reason | None) -> None:
    assert reason(value=value) == expected


@pytest.mark.parametrize("text", ["", "  ", "...", "123 !?", "\u0301", "👍"])
def test_a_description_without_letters_is_empty(text: str) -> None:
    assert reason(instruction=text) == Reason.DESCRIPTION_EMPTY


def test_words_are_counted_up_to_the_limit() -> None:
    assert reason(instruction=" ".join(["soft"] * 12)) is None
    found = judge(instruction=" ".join(["soft"] * 13))
    assert found == (Reason.DESCRIPTION_OVERLONG, "13 words, at most 12")


@pytest.mark.parametrize(("language", "sign"), [("zh", "轻"), ("ja", "か")])
def test_characters_are_counted_without_spaces_around(language: str, sign: str) -> None:
    assert reason(instruction=f" {sign * 20} ", instruction_language=language) is None
    found = judge(instruction=sign * 21, instruction_language=language)
    assert found == (Reason.DESCRIPTION_OVERLONG, "21 characters, at most 20")


@pytest.mark.parametrize(
    ("text", "language", "wrong"),
    [
        ("Speak softly.", "en", False),
        ("轻声说话。", "en", True),
        ("Speak softly.", "zh", True),
        ("轻声说话。", "zh", False),
        ("轻声 BOSS", "zh", True),  # 2 of 6 letters
        ("轻声轻声轻声 BOSS", "zh", False),  # exactly 0.6
        ("静かに話す。", "ja", False),
        ("轻声说话。", "ja", True),  # no kana
        ("静かにそっと。", "zh", True),
        ("부드럽게 말해요.", "ko", False),
        ("Speak softly.", "ko", True),
        ("Говори тихо.", "en", True),
        ("Говори тихо.", "ru", False),
        ("Parle doucement.", "en", False),  # two Latin languages cannot be told apart
        ("Speak softly.", None, False),
        ("Speak softly.", "xx", False),
    ],
)
def test_languages(text: str, language: str | None, wrong: bool) -> None:
    found = reason(instruction=text, instruction_language=language)
    assert found == (Reason.LANGUAGE_WRONG if wrong else None)


def test_examples_of_the_prompt_that_was_used() -> None:
    prompt = prompts.load("emilia_style", "v1")
    example = json.loads(prompt.examples[-1])["description"]
    copy = example.upper().replace(",", " -")
    assert reason(instruction=copy, prompt_name="emilia_style/v1") == Reason.EXAMPLE_COPIED
    assert reason(instruction=copy, prompt_name="game_style/v1") is None
    assert reason(instruction=copy, prompt_name=None) is None
    assert reason(instruction=example + " now", prompt_name="emilia_style/v1") is None


def test_a_prompt_that_is_not_there() -> None:
    with pytest.raises(StageFailed, match="run annotate again"):
        judge(prompt_name="emilia_style/v999")


def test_the_first_rule_wins() -> None:
    cast = Survey(characters=frozenset({("g", "FAYE")}))
    faults: dict[str, Any] = {"character": "FAYE", "game": "g", "instruction_language": "zh"}
    assert reason(cast, instruction="As Faye", value="low", **faults) == Reason.VALUE_NOT_KEPT
    assert reason(cast, instruction="Faye", **faults) == Reason.NAME_LEAKED
    assert reason(cast, instruction="soft", **faults) == Reason.LANGUAGE_WRONG


@pytest.mark.parametrize(
    ("character", "text"),
    [
        ("FAYE", "Tease him the way Faye does."),
        ("FAYE", "faye, softly"),
        ("FAYE", "It is Faye's moment."),
        ("Zoë", "as zoe would"),
        ("Zoe", "as Zoe\u0308 would"),
        ("Yae Miko", "like yae miko, amused"),
        ("Yae Miko", "like Miko, amused"),
        ("CAPTAIN ROSA", "Rosa, at the helm"),
        ("CHIEF", "Speak as CHIEF does."),
        ("CHIEF", "Speak the way Chief would."),
        ("CHIEF", "CHIEF is slow and deep today."),
        ("ORACLE", "Solemn, as Oracle always is."),
        ("SEC", "Brisk, as SEC talks to him."),
        ("DEATH", "The way Death invites you in."),
        ("八重神子", "像八重神子那样说话"),
        ("八重 神子", "像神子那样说话"),
        ("レイ", "レイのように話す"),
        ("派蒙", "as 派蒙 would"),
        ("Joe", "像Joe一样"),
        ("지우", "지우처럼 말해요"),
        ("O'Brien", "as O'Brien would"),
    ],
)
def test_names_that_leak(character: str, text: str) -> None:
    assert leaked_name(text, character) is not None
    cast = Survey(characters=frozenset({("g", character)}))
    row = {"instruction": text, "character": character, "game": "g"}
    assert reason(cast, instruction_language=None, **row) == Reason.NAME_LEAKED


@pytest.mark.parametrize(
    ("character", "text"),
    [
        ("FAYE", "Let it fade away."),
        ("JOE", "Joey would shout."),
        ("CHIEF", "Slow and proud, like an old chief."),
        ("CHIEF", "Chief among his moods is anger."),
        ("CHIEF", "Slow. Chief among his moods is anger."),
        ("CHIEF", "Like A Proud Chief Of The Tribe"),  # capitals say nothing here
        ("SEC", "Hold it for a sec, then go on in a second."),
        ("DEATH", "Whisper of death as of a friend."),
        ("Grace", "Speak with grace."),
        ("CAPTAIN ROSA", "Bark it like a captain on deck."),
        ("VILLAGER 3", "A villager with 3 sheep."),
        ("Xi", "a xi in lower case"),
        ("空", "空灵的声音"),
        ("船长", "像船长一样"),
        ("レイ", "プレイするように"),
        ("", "nothing to find"),
        ("???", "what ??? is it"),
    ],
)
def test_words_that_are_no_names(character: str, text: str) -> None:
    assert leaked_name(text, character) is None


def test_other_characters_of_the_same_game() -> None:
    cast = Survey(characters=frozenset({("g", "FAYE"), ("g", "JOE"), ("h", "LOTHAR")}))
    row = {"character": "FAYE", "game": "g"}
    found = judge(cast, instruction="Ask Joe gently.", **row)
    assert found == (Reason.NAME_LEAKED, "has the name 'Joe'; FAYE speaks")
    assert judge(cast, instruction="Sip your joe gently.", **row) is None
    assert judge(cast, instruction="Ask Lothar gently.", **row) is None
    assert judge(cast, instruction="Ask Joe gently.") is None  # no character, no names


@given(st.text(max_size=40), st.sampled_from(["FAYE", "CHIEF", "八重神子", "Yae Miko"]))
def test_the_column_wise_look_misses_no_name(text: str, character: str) -> None:
    description = f"{text} {character}"
    cast = Survey(characters=frozenset({("g", character)}))
    near = judge(cast, instruction=description, character=character, game="g")
    if leaked_name(description, character) is not None and near is not None:
        assert near[0] in (Reason.NAME_LEAKED, Reason.DESCRIPTION_OVERLONG)
    assert (leaked_name(description, character) is None) or near is not None


def test_whole_names_only_of_the_others() -> None:
    assert names_of_all(["Yae Miko"]).words == frozenset()
    assert names_of("Yae Miko").words == {"yae", "miko"}
    assert leaked_name("Miko laughs", "FAYE", names_of_all(["Yae Miko"])) is None
    assert leaked_name("Yae Miko laughs", "FAYE", names_of_all(["Yae Miko"])) == "Yae Miko"


@given(st.lists(st.text(max_size=30), max_size=6))
def test_measure_agrees_with_words_of(texts: list[str]) -> None:
    found = measure(texts, opening_words=2)
    words = [words_of(text) for text in texts]
    assert found.words.tolist() == [len(row) for row in words]
    assert found.letters.tolist() == [sum(map(str.isalpha, text)) for text in texts]
    for i, one in enumerate(words):
        for j, other in enumerate(words):
            assert (found.whole[i] == found.whole[j]) == (one == other)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6), st.text(max_size=30))
def test_a_hash_does_not_depend_on_the_rows_around(texts: list[str], text: str) -> None:
    alone, among = measure([text], 2), measure([*texts, text], 2)
    assert alone.whole[0] == among.whole[-1]
    assert alone.opening[0] == among.opening[-1]


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 2**64 - 1)), max_size=40, unique=True),
    st.integers(0, 4),
)
def test_as_many_stay_as_are_allowed(rows: list[tuple[int, int]], allowed: int) -> None:
    hashes = np.array([key for key, _ in rows], dtype=np.uint64)
    ids = np.array([row for _, row in rows], dtype=np.uint64)
    found = overused(hashes, ids, allowed)
    out = found.find(hashes, ids) >= 0
    for key in set(hashes.tolist()):
        count, stay = int((hashes == key).sum()), int((~out[hashes == key]).sum())
        assert stay == min(count, allowed)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=60), st.integers(1, 4))
def test_a_small_table_never_hides_an_overused_hash(values: list[int], at_least: int) -> None:
    hashes = np.array(values, dtype=np.uint64)
    table = np.zeros(4, dtype=np.uint32)
    cells, counts = count_cells(hashes, len(table))
    table[cells] += counts
    for value, may in zip(values, may_be_overused(hashes, table, at_least), strict=True):
        if value and values.count(value) >= at_least:
            assert may
