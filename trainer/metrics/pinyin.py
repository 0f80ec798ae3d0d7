"""Chinese text as the sounds it is read with: syllables without tones, and their parts."""

from __future__ import annotations

from trainer.errors import UsageError

_NOT_INSTALLED = (
    "pinyin needs the package pypinyin, which is not installed: install the extra `train`"
)


def syllables(text: str) -> list[str]:
    """Syllables in pinyin without tones; what is not Chinese stays, word by word.

    A character with several readings has that of its phrase, as pypinyin knows it.

    Args:
        text: normalised by `trainer.text_normal`.

    Raises:
        UsageError: pypinyin is not installed.

    >>> syllables("银行走不走ok 3")
    ['yin', 'hang', 'zou', 'bu', 'zou', 'ok', '3']
    """
    return [sound for sound, _ in _read(text)]


def phonemes(text: str) -> int:
    """How many initials and finals the Chinese characters of a text have: one or two each.

    `yi` and `er` are finals alone, `ni` is an initial and a final.

    Raises:
        UsageError: pypinyin is not installed.

    >>> phonemes("你好"), phonemes("一二"), phonemes("ok")
    (4, 2, 0)
    """
    return sum(parts for _, parts in _read(text))


def _read(text: str) -> list[tuple[str, int]]:
    """Each syllable, and of how many sounds it is made; 0 for what is not Chinese."""
    try:
        from pypinyin import Style, lazy_pinyin
        from pypinyin.contrib.tone_convert import to_initials
    except ImportError as error:
        raise UsageError(_NOT_INSTALLED) from error
    mark = "\0"  # before what pypinyin cannot read
    found: list[tuple[str, int]] = []
    for one in lazy_pinyin(text, Style.NORMAL, errors=lambda run: mark + run):
        if one.startswith(mark):
            found += [(word, 0) for word in one.removeprefix(mark).split()]
        else:
            found.append((one, 2 if to_initials(one, strict=True) else 1))
    return found
