"""The question about an utterance, and the form of the answer."""

from __future__ import annotations

import json
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.style import (
    LANGUAGE_NAMES,
    SmallStyleReply,
    StyleReply,
    answer_language,
    emilia_question,
    game_question,
    has_metadata,
    style_reply,
    usable_title,
)

_WORDS = st.text(st.characters(codec="utf-8"), max_size=30)
_ROWS = st.fixed_dictionaries(
    {
        "text": _WORDS,
        "title": st.none() | _WORDS | st.just("https://example.org/v/1"),
        "tags": st.lists(_WORDS, max_size=3),
        "game": _WORDS,
        "character": _WORDS,
    }
)
_LANGUAGES = st.sampled_from(sorted(LANGUAGE_NAMES))
_PROFILE = {"personality": "Vain.", "speaking_style": "Drawls."}


@given(_ROWS, _LANGUAGES)
def test_an_emilia_question_holds_text_tags_and_language(row: dict[str, Any], code: str) -> None:
    question = json.loads(emilia_question(row, code))
    assert list(question) == ["speech transcript", "metainfo", "write in"]
    assert question["speech transcript"] == row["text"]
    assert question["metainfo"]["tags"] == row["tags"]
    assert question["metainfo"]["title"] == usable_title(row["title"])
    assert question["write in"] == LANGUAGE_NAMES[code]


@given(_ROWS, _LANGUAGES)
def test_a_game_question_holds_who_speaks_and_how(row: dict[str, Any], code: str) -> None:
    question = json.loads(game_question(row, _PROFILE, code))
    assert question == {
        "speech transcript": row["text"],
        "metainfo": {
            "game": row["game"],
            "character": row["character"],
            "personality": "Vain.",
            "speaking style": "Drawls.",
        },
        "write in": LANGUAGE_NAMES[code],
    }


def test_characters_of_other_scripts_are_sent_as_they_are() -> None:
    row = {"text": "说得好", "title": "晚间新闻", "tags": []}
    assert "说得好" in emilia_question(row, "zh")
    assert "晚间新闻" in emilia_question(row, "zh")


@pytest.mark.parametrize(
    ("title", "usable"),
    [
        ("https://youtu.be/x1", ""),
        ("  HTTP://EXAMPLE.ORG/a?b=c  ", ""),
        ("www.example.org", ""),
        (None, ""),
        ("", ""),
        (" Evening News ", "Evening News"),
        ("See https://example.org for more", "See https://example.org for more"),
        ("https://example.org the review", "https://example.org the review"),
        ("VID_0093(1)", "VID_0093(1)"),
    ],
)
def test_a_title_that_is_only_a_web_address_is_dropped(title: str | None, usable: str) -> None:
    assert usable_title(title) == usable


@pytest.mark.parametrize(
    ("title", "tags", "known"),
    [
        (None, [], False),
        ("", [], False),
        ("  ", [], False),
        ("News", [], True),
        (None, ["calm"], True),
        ("https://example.org/v", [], True),
    ],
)
def test_title_or_tags_are_metadata(title: str | None, tags: list[str], known: bool) -> None:
    assert has_metadata({"title": title, "tags": tags}) is known


def test_an_utterance_is_described_in_its_own_language_if_it_may_be() -> None:
    assert answer_language("ja", ["en", "ja"]) == "ja"
    assert answer_language("fr", ["zh", "en"]) == "zh"


@pytest.mark.parametrize("value", ["high", "HIGH", " High ", "hIgH\n"])
def test_the_value_is_read_whatever_its_case(value: str) -> None:
    reply = StyleReply.model_validate_json(json.dumps({"description": "Softly.", "value": value}))
    assert reply.value == "high"


@pytest.mark.parametrize(
    "reply",
    [
        {"description": "Softly.", "value": "very high"},
        {"description": "Softly."},
        {"value": "high"},
        {"description": None, "value": "high"},
        {"description": ["Softly."], "value": "high"},
        {"description": "Softly.", "value": 3},
        {"description": "Softly.", "value": None},
    ],
)
def test_a_reply_without_both_fields_is_not_valid(reply: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError):
        StyleReply.model_validate_json(json.dumps(reply))


def test_an_empty_description_is_left_to_the_audit() -> None:
    assert StyleReply.model_validate_json('{"description": "", "value": "low"}').description == ""


def test_a_description_becomes_one_line_and_more_keys_are_no_harm() -> None:
    text = '{"description": " Softly,\\n  and\\tslowly. ", "value": "low", "why": "a hunch"}'
    reply = StyleReply.model_validate_json(text)
    assert reply.model_dump() == {"description": "Softly, and slowly.", "value": "low"}


@pytest.mark.parametrize(
    ("description", "valid"),
    [
        ("Speak calmly, like a teacher.", True),
        ("Say it with pride.", True),
        ("Whisper softly, as if afraid.", True),
        ("Speak calmly, like a teacher", False),  # ran out of tokens
        ("The man says that he won.", False),  # retells
        ("Speak calmlyyyyy, like a teacher.", False),
        ("Speak calmly: loud.", False),
        ("", False),
    ],
)
def test_the_small_model_is_held_to_a_direction(description: str, valid: bool) -> None:
    text = json.dumps({"description": description, "value": "high"})
    if valid:
        assert SmallStyleReply.model_validate_json(text).description == description
    else:
        with pytest.raises(pydantic.ValidationError):
            SmallStyleReply.model_validate_json(text)


def test_the_form_belongs_to_the_prompt_version() -> None:
    assert style_reply("v1") is StyleReply
    assert style_reply("v2.small") is SmallStyleReply
