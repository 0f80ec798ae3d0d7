"""Texts that sound the same become the same; those that do not, do not."""

from __future__ import annotations

import pytest

from trainer.text_normal import normalise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who goes THERE?!", "who goes there"),
        ("Don’t — I can't.", "dont i cant"),
        ("well-known", "well known"),
        ("'quoted' words", "quoted words"),
        ("５ ｄａｙｓ", "5 days"),
        ("it costs 3.50", "it costs 3 50"),
        ("naïve café", "naïve café"),
        ("[Breathing] so [Surprise-oh] what", "so what"),
        ("[1] is no tag", "1 is no tag"),
        ("我們走吧，好嗎？", "我们走吧好吗"),
        ("我们 走 吧", "我们走吧"),
        ("他说 OK 就走", "他说ok就走"),
        ("颱風來了！", "台风来了"),
        ("a\u200bb", "ab"),
        ("  \n\t ", ""),
        ("…！？", ""),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    "text", ["Who goes THERE?!", "我們走吧，好嗎？", "他说 OK 就走", "[Laugh] hm"]
)
def test_what_is_normal_stays(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
