from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.game_text import Player, UnspokenText, clean_text

MALE = Player("male", {"en": "Traveler", "zh": "旅行者"})
FEMALE = Player("female", {"en": "Traveler", "zh": "旅行者"})


@pytest.mark.parametrize(
    ("text", "language", "male", "female"),
    [
        ("#{NICKNAME}, wait!", "en", "Traveler, wait!", "Traveler, wait!"),
        ("#你好，{NICKNAME}！", "zh", "你好，旅行者！", "你好，旅行者！"),
        ("#{M#他}{F#她}来了", "zh", "他来了", "她来了"),
        ("#{F#她}{M#他}来了", "zh", "他来了", "她来了"),
        ("#{PLAYERAVATAR#SEXPRO[uncle|aunt]}", "en", "uncle", "aunt"),
        ("#{MATEAVATAR#SEXPRO[INFO_MALE_PRONOUN_HE|INFO_FEMALE_PRONOUN_SHE]}", "zh", "她", "他"),
        ("{RUBY_B#yuè}月{RUBY_E#}亮", "zh", "月亮", "月亮"),
        ("虚{RUBY#[D]阿卡西}空", "zh", "虚空", "虚空"),
        ("A <color=#FFD780FF>bright</color> <i>day</i>", "en", "A bright day", "A bright day"),
        ("One\\nTwo\n\tThree", "en", "One Two Three", "One Two Three"),
        ("3 < 4 and 5 > 4, she said", "en", "3 < 4 and 5 > 4, she said", None),
        ("(sigh) All right. *cough*", "en", "All right.", "All right."),
        ("(I should not say that.)", "en", "(I should not say that.)", None),
        ("（叹气）走吧", "zh", "（叹气）走吧", None),
        ("(gulp)", "en", "", ""),
        ("<gulp>", "en", "", ""),
        ("... !?", "en", "", ""),
        ("", "en", "", ""),
    ],
)
def test_examples(text: str, language: str, male: str, female: str | None) -> None:
    assert clean_text(text, language, MALE) == male
    assert clean_text(text, language, FEMALE) == (male if female is None else female)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("{REALNAME[ID(1)|HOSTONLY(true)]} here", "en"),
        ("{NICKNAME}!", "fr"),
        ("{TEXTJOIN#54} it", "en"),
        ("{PLAYERAVATAR#SEXPRO[INFO_MALE_PRONOUN_BOYD|INFO_FEMALE_PRONOUN_GIRLD]}", "en"),
        ("{MATEAVATAR#SEXPRO[INFO_MALE_PRONOUN_HE|INFO_FEMALE_PRONOUN_SHE]}", "ja"),
        ("an { open brace", "en"),
    ],
)
def test_words_that_the_text_does_not_give_are_refused(text: str, language: str) -> None:
    with pytest.raises(UnspokenText):
        clean_text(text, language, MALE)


PIECES = st.sampled_from(
    [
        "#",
        "{NICKNAME}",
        "{M#",
        "{F#",
        "}",
        "{",
        "<b>",
        "</color>",
        "<",
        ">",
        "\\n",
        "\\",
        "n",
        " ",
        "(sigh)",
        "(",
        ")",
        "[ha]",
        "{RUBY_B#",
        "{RUBY_E#}",
        "{NON_BREAK_SPACE}",
        "word",
        "他",
        "\n",
    ]
)


@given(st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join))
def test_cleaning_twice_changes_nothing_and_leaves_no_markup(text: str) -> None:
    try:
        once = clean_text(text, "en", MALE)
    except UnspokenText:
        return
    assert clean_text(once, "en", MALE) == once
    assert "{" not in once and "\\n" not in once and once == once.strip()
