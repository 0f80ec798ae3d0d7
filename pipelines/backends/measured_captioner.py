"""The embedded captioner: measured facts of a scene's pictures in one plain sentence.

It says how light, colourful and lively the picture is and nothing about what is in it: no
vision model comes in a package. Good enough to run everything, not to ship data; every record it
makes names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.backends.captioner import Description
from pipelines.errors import UsageError
from pipelines.pictures import Picture
from pipelines.stages.picture_facts import PictureFacts, measure

VERSION = 1  # part of every key and record: raise it with any change of what is written

_CHINESE = {
    **{"very dark": "画面极暗", "dark": "画面昏暗", "dim": "画面偏暗"},
    **{"moderately lit": "画面亮度适中", "bright": "画面明亮"},
    **{"cool": "冷色调", "neutral": "色调中性", "warm": "暖色调"},
    **{
        "almost no": "几乎没有色彩",
        "muted": "色彩暗淡",
        "moderate": "色彩适中",
        "vivid": "色彩鲜艳",
    },
    **{"still": "几乎静止", "little movement": "动静不大", "much movement": "动静很大"},
    **{"black": "黑色", "grey": "灰色", "white": "白色", "red": "红色", "brown": "棕色"},
    **{"orange": "橙色", "beige": "米色", "yellow": "黄色", "green": "绿色", "blue": "蓝色"},
    **{"turquoise": "青色", "purple": "紫色", "pink": "粉色"},
}
_CHINESE_CONTRAST = {"low": "对比柔和", "moderate": "对比适中", "strong": "对比强烈"}
_ENGLISH_MOVEMENT = {
    "still": "hardly anything moves",
    "little movement": "a little moves",
    "much movement": "much of it moves",
}


class MeasuredCaptioner:
    """States facts of pictures in English or Chinese."""

    def __init__(self, language: str) -> None:
        """Takes an ISO 639-1 code.

        Raises:
            UsageError: another language than it writes.
        """
        if language not in _SENTENCES:
            raise UsageError(
                f"caption.language {language}: the embedded captioner writes "
                f"{' and '.join(sorted(_SENTENCES))} only; choose one, or another caption.backend"
            )
        self._language = language

    @property
    def name(self) -> str:
        """As records carry it."""
        return f"embedded:measured-facts/{VERSION}"

    @property
    def identity(self) -> Mapping[str, object]:
        """What its captions depend on besides the pictures."""
        return {"captioner": self.name, "language": self._language}

    def check(self) -> None:
        """Nothing is needed."""

    def describe(self, pictures: Sequence[Picture], duration: float) -> Description:
        """The sentence about a scene's pictures."""
        return Description(_SENTENCES[self._language](measure(pictures)), cut_off=False)

    def close(self) -> None:
        """Nothing to give back."""


def english(facts: PictureFacts) -> str:
    """The facts in English.

    >>> english(PictureFacts(light="dim", contrast="low", vividness="muted", tone="warm",
    ...                      colours=("brown",), movement=None, new_views=0))
    'A dim picture in muted, warm colours, mostly brown; contrast is low, and the view stays.'
    """
    colours = ", then ".join(facts.colours)
    light = f"A {facts.light} picture"
    if facts.vividness == "almost no":
        light += f" with almost no colour, mostly {colours}"
    else:
        light += f" in {facts.vividness}, {facts.tone} colours, mostly {colours}"
    told = [f"contrast is {facts.contrast}"]
    if facts.movement is not None:
        told.append(_ENGLISH_MOVEMENT[facts.movement])
    return f"{light}; {', '.join(told)}, and the view {_english_changes(facts.new_views)}."


def chinese(facts: PictureFacts) -> str:
    """The facts in Chinese.

    >>> chinese(PictureFacts(light="dim", contrast="low", vividness="muted", tone="warm",
    ...                      colours=("brown", "red"), movement="still", new_views=1))
    '画面偏暗，暖色调，色彩暗淡，以棕色为主，其次是红色；对比柔和，几乎静止，镜头变换1次。'
    """
    colours = f"以{_CHINESE[facts.colours[0]]}为主"
    if len(facts.colours) > 1:
        colours += f"，其次是{_CHINESE[facts.colours[1]]}"
    told = [_CHINESE_CONTRAST[facts.contrast]]
    if facts.movement is not None:
        told.append(_CHINESE[facts.movement])
    told.append(f"镜头变换{facts.new_views}次" if facts.new_views else "镜头不变")
    light = f"{_CHINESE[facts.light]}，{_CHINESE[facts.tone]}，{_CHINESE[facts.vividness]}"
    return f"{light}，{colours}；{'，'.join(told)}。"


def _english_changes(new_views: int) -> str:
    if new_views < 3:
        return ("stays", "changes once", "changes twice")[new_views]
    return f"changes {new_views} times"


_SENTENCES = {"en": english, "zh": chinese}
