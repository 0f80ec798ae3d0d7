"""What may be wrong with a reply about speakers."""

from __future__ import annotations

import json

import pytest

import prompts
from pipelines.stages.profile_replies import CharactersReply, SmallCharacterReply, complaint

PROMPT = prompts.load("episode_characters", "v1")
SMALL_REPLY = {"identity": "an old neighbour", "character": "kind and curious, speaks quickly"}


@pytest.mark.parametrize(
    ("identity", "character", "told"),
    [
        ("SPEAKER_01的女儿", "性情温和", "names 'SPEAKER_01'"),
        ("女儿", "总和speaker 2吵架", "names 'speaker 2'"),
        ("a daughter", "gentle and patient", "not written in Chinese"),
        ("……", "！！", "not written in Chinese"),
        ("秦掌柜，渡口的船主", None, "repeats an example"),
    ],
)
def test_texts_that_are_of_no_use_are_named(
    identity: str, character: str | None, told: str
) -> None:
    example = json.loads(PROMPT.examples[0])["characters"][1]
    content = {"speaker_id": "SPEAKER_00", "identity": identity}
    content["character"] = character or example["character"]
    reply = CharactersReply.model_validate({"characters": [content]})
    found = complaint(reply, asked=["SPEAKER_00"], language="zh", prompt=PROMPT)
    assert found.startswith("SPEAKER_00: ") and told in found


def test_foreign_names_and_other_languages_are_fine() -> None:
    for language, identity, character in (
        ("zh", "Tom的父亲", "脾气急，嘴上不饶人，心里却软"),
        ("en", "the father of 李梅", "quick to anger"),
        ("ja", "トムの父", "短気だが優しい"),
        ("ko", "톰의 아버지", "성격이 급하다"),
    ):
        content = {"speaker_id": "S", "identity": identity, "character": character}
        reply = CharactersReply.model_validate({"characters": [content]})
        assert complaint(reply, asked=["S"], language=language, prompt=PROMPT) == ""


def test_the_small_form_holds_to_a_few_words() -> None:
    SmallCharacterReply.model_validate(SMALL_REPLY)
    for wrong in (
        {"identity": "An old neighbour"},
        {"identity": "a neighbour who"},
        {"character": "kind"},
        {"character": "kind and curious, speaks a lot"},
    ):
        with pytest.raises(ValueError, match="String should match pattern"):
            SmallCharacterReply.model_validate(SMALL_REPLY | wrong)
