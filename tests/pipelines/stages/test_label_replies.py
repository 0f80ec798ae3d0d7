"""Questions about combinations of labels, and which answers to them are taken."""

from __future__ import annotations

import json

import pydantic
import pytest

import prompts
from pipelines.stages.label_replies import instructions_reply, tuple_request

PROMPT = prompts.load("attribute_instructions", "v1")
SMALL = prompts.load("attribute_instructions", "v1.small")
LABELS = (("accent", "ji-lu mandarin"), ("first_language", "korean"), ("gender", "female"))
GOOD = {
    "chinese": ["请用冀鲁口音的女声。", "想听冀鲁大姐的声音。", "换成女声，带冀鲁腔。"],
    "english": ["A woman from Ji-Lu, please.", "Be a Ji-Lu lady.", "Use a Ji-Lu female voice."],
}


def complaint(reply: dict[str, list[str]]) -> str:
    request = tuple_request(LABELS, PROMPT, languages=["zh", "en"], per_language=3)
    assert request.check is not None
    return request.check(request.reply_schema.model_validate(reply))


def test_the_question_is_the_prompt_and_then_the_labels() -> None:
    request = tuple_request(LABELS, PROMPT, languages=["zh", "en"], per_language=3, max_tokens=99)
    *static, last = request.messages
    assert [(one["role"], one["content"]) for one in static] == list(PROMPT.messages)
    assert json.loads(str(last["content"])) == {
        "labels": {"accent": "ji-lu mandarin", "first language": "korean", "gender": "female"},
        "languages": ["Chinese", "English"],
        "how many": 3,
    }
    assert request.max_tokens == 99 and "gender female" in request.tag


def test_equal_questions_share_one_form() -> None:
    first, other = (
        tuple_request((("gender", one),), PROMPT, languages=["zh", "en"], per_language=3)
        for one in ("male", "female")
    )
    assert first.reply_schema is other.reply_schema  # the engine asks for that


def test_a_good_reply_is_taken() -> None:
    assert complaint(GOOD) == ""
    reply = instructions_reply(("zh", "en"), 3, small=False).model_validate(GOOD)
    assert reply.instructions("en") == GOOD["english"]
    padded = {**GOOD, "english": [" Two\n lines. ", *GOOD["english"][1:]]}
    reply = instructions_reply(("zh", "en"), 3, small=False).model_validate(padded)
    assert reply.instructions("en")[0] == "Two lines."


@pytest.mark.parametrize(
    ("language", "text", "what"),
    [
        ("english", "be a ji-lu LADY.", "is there twice"),
        ("english", "Give me an old man from Texas, drawl and all.", "repeats an example"),
        ("english", "请用冀鲁口音的女声说。", "not written in English"),
        ("chinese", "A woman from Ji-Lu.", "not written in Chinese"),
        ("chinese", "——！", "not written in Chinese"),
    ],
)
def test_what_is_wrong_with_a_reply_is_said(language: str, text: str, what: str) -> None:
    wrong = {**GOOD, language: [text, *GOOD[language][1:]]}
    assert what in complaint(wrong) and complaint(wrong).startswith(f"{language}: ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"english": GOOD["english"]},
        {**GOOD, "english": GOOD["english"][:2]},
        {**GOOD, "chinese": [*GOOD["chinese"], "再来一句。"]},
        {**GOOD, "english": ["", *GOOD["english"][1:]]},
        {**GOOD, "english": ["x" * 301, *GOOD["english"][1:]]},
        {**GOOD, "french": ["Bonjour."]},
    ],
)
def test_another_form_is_refused(wrong: dict[str, list[str]]) -> None:
    with pytest.raises(pydantic.ValidationError):
        instructions_reply(("zh", "en"), 3, small=False).model_validate(wrong)


def test_the_small_form_opens_each_sentence_in_its_own_way() -> None:
    form = instructions_reply(("en",), 3, small=True)
    good = json.loads(SMALL.examples[0])
    assert len(form.model_validate(good).instructions("en")) == 3
    with pytest.raises(pydantic.ValidationError):
        form.model_validate({"english": good["english"][::-1]})
    with pytest.raises(ValueError, match="at most 3"):
        tuple_request(LABELS, SMALL, languages=["en"], per_language=4)
