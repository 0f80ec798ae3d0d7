"""Text as it is compared: what was to be said with what an ASR heard.

One place for the CER reward and for the metrics, since an error rate says nothing without its
normaliser. `NORMALISER` is recorded beside every rate and grows with every change of the rules:

1. Tags of sounds that are no words, as NVSpeech writes them (`[Breathing]`), are taken out.
2. Unicode NFKC, lower case; traditional Chinese characters become simplified ones (Whisper writes
   Mandarin in traditional).
3. Apostrophes inside words go; other punctuation and symbols become spaces.
4. Spaces are single; between two Chinese or Japanese characters, or one of them and anything else,
   there are none.

Numbers stay as they are written: `3` is not `three`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

NORMALISER = "1"

_TAG = re.compile(r"\[[A-Za-z][A-Za-z _-]{0,30}\]")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019\u02bc](?=\w)")
# Han, kana and what is written with them; no spaces stand between such characters.
_UNSPACED = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SPACE_BESIDE = re.compile(rf"(?<=[{_UNSPACED}])\s+|\s+(?=[{_UNSPACED}])")


def normalise(text: str) -> str:
    """The text by the rules above; it may become empty.

    >>> normalise("Don't  panic -- it's 5 o'clock!")
    'dont panic its 5 oclock'
    >>> normalise("[Breathing] 我們 走吧，OK？")
    '我们走吧ok'
    """
    text = unicodedata.normalize("NFKC", _TAG.sub(" ", text)).lower()
    text = _APOSTROPHE.sub("", _simplifier().convert(text))
    text = "".join(map(_spoken, text))
    return _SPACE_BESIDE.sub("", " ".join(text.split()))


def _spoken(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":  # joiners and marks of direction, of no width
        return ""
    return " " if category[0] in "PSC" else character


@cache
def _simplifier() -> Any:  # noqa: ANN401 - opencc has no types
    from opencc import OpenCC

    return OpenCC("t2s")
