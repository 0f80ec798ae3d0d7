from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.caption_text import CaptionReply, caption_question, one_line, reply_check


@given(st.text(max_size=60))
def test_a_caption_is_one_line_without_control_characters(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip() and "  " not in line
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs") for c in line)
    assert one_line(line) == line
    line.encode()  # whatever it was, it can be written


def test_words_stay_apart_and_other_scripts_stay_whole() -> None:
    assert one_line("一间\n厨房。\t窗外下雨") == "一间 厨房。 窗外下雨"
    assert one_line("café naïve") == "café naïve"
    assert one_line("a\x00b\u2028c") == "a b c"


@pytest.mark.parametrize(
    ("caption", "fault"),
    [
        ("A kitchen.", ""),
        ("厨房", ""),
        ("...", "the caption is empty"),
        (" \n ", "the caption is empty"),
        ("long " * 5, "the caption has 24 characters, more than 20: write less"),
    ],
)
def test_what_a_server_may_answer(caption: str, fault: str) -> None:
    assert reply_check(20)(CaptionReply(caption=caption)) == fault


def test_a_language_without_a_name_is_an_error() -> None:
    assert "Japanese" in caption_question("ja")
    with pytest.raises(ValueError, match=r"caption\.language tlh: not one of de, en"):
        caption_question("tlh")
