"""What can be measured on pictures of a scene: light, colour, contrast, movement, changes of view.

No model and no guess about what is shown. Sums are of whole numbers, so a result does not hang on
the order of additions. All limits are of sRGB values as they are stored, between 0 and 1.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

_GRID = (90, 160)  # rows and columns that are looked at: plenty for shares and means
_LUMA = (2126, 7152, 722)  # ten-thousandths of red, green, blue: ITU-R BT.709

LIGHT = ("very dark", "dark", "dim", "moderately lit", "bright")
_LIGHT_LIMITS = (0.10, 0.22, 0.40, 0.60)  # of the mean luma
CONTRAST = ("low", "moderate", "strong")
_CONTRAST_LIMITS = (0.08, 0.17)  # of the luma's standard deviation within a picture
VIVIDNESS = ("almost no", "muted", "moderate", "vivid")
# Hasler and Suesstrunk, Measuring colourfulness in natural images (2003), whose scale of words
# has its steps at 15, 33, 45, 59, 82 and 109; every second one is used.
_VIVIDNESS_LIMITS = (15.0, 33.0, 59.0)
TONE = ("cool", "neutral", "warm")
_TONE_LIMITS = (-0.05, 0.10)  # of red less blue
MOVEMENT = ("still", "little movement", "much movement")
_MOVEMENT_LIMITS = (0.004, 0.015)  # of the change of luma from one picture to the next
_NEW_VIEW = 0.10  # a change above it is another view,
_JUMP, _JUMP_OF_MEDIAN = 0.02, 4.0  # and so is one that stands out so far among its neighbours

COLOURS = (
    *("black", "grey", "white", "red", "brown", "orange", "beige", "yellow"),
    *("green", "turquoise", "blue", "purple", "pink"),
)
_HUES = ("red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink", "red")
_HUE_LIMITS = (15, 45, 70, 165, 195, 255, 290, 345)  # degrees where the next name begins
_SECOND_SHARE = 0.12  # a second colour is named from this share of the picture on


@dataclass(frozen=True, kw_only=True)
class PictureFacts:
    """The measured facts of a scene; words are of the lists above."""

    light: str
    contrast: str
    vividness: str
    tone: str
    colours: tuple[str, ...]  # one or two, the larger share first
    movement: str | None  # None of a single picture
    new_views: int  # changes to another view among the pictures, at the least


def measure(pictures: Sequence[NDArray[np.uint8]]) -> PictureFacts:
    """The facts of a scene's pictures, in the order of time.

    Args:
        pictures: [height, width, 3] RGB each; sizes may differ.

    Raises:
        ValueError: there is no picture.

    >>> grey = np.full((9, 16, 3), 128, np.uint8)
    >>> measure([grey, grey]).colours
    ('grey',)
    """
    if not pictures:
        raise ValueError("no picture to measure")
    pixels = np.stack([_reduced(picture) for picture in pictures])
    luma = pixels @ np.array(_LUMA, np.int64)  # 0 to 2,550,000
    deviations = [_deviation(one) / 2_550_000 for one in luma]
    movement, new_views = _movement(luma)
    return PictureFacts(
        light=LIGHT[bisect.bisect(_LIGHT_LIMITS, _mean(luma) / 2_550_000)],
        contrast=CONTRAST[bisect.bisect(_CONTRAST_LIMITS, math.fsum(deviations) / len(pictures))],
        vividness=VIVIDNESS[bisect.bisect(_VIVIDNESS_LIMITS, _colourfulness(pixels))],
        tone=TONE[bisect.bisect(_TONE_LIMITS, _mean(pixels[..., 0] - pixels[..., 2]) / 255)],
        colours=_colours(pixels),
        movement=movement,
        new_views=new_views,
    )


def _reduced(picture: NDArray[np.uint8]) -> Numbers:
    """The picture at a fixed grid of its pixels."""
    rows, columns = (
        (np.arange(wanted) * size + size // 2) // wanted
        for wanted, size in zip(_GRID, picture.shape[:2], strict=True)
    )
    reduced: Numbers = picture[rows[:, None], columns[None, :]].astype(np.int64)
    return reduced


def _colourfulness(pixels: Numbers) -> float:
    """Hasler and Suesstrunk's M of all pixels together, in values of 0 to 255."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    red_green, yellow_blue = red - green, red + green - 2 * blue  # the second one doubled
    spread = math.hypot(_deviation(red_green), _deviation(yellow_blue) / 2)
    return spread + 0.3 * math.hypot(_mean(red_green), _mean(yellow_blue) / 2)


def _colours(pixels: Numbers) -> tuple[str, ...]:
    names = _named(pixels.reshape(-1, 3))
    counts = np.bincount(names, minlength=len(COLOURS))
    first, second = np.argsort(-counts, kind="stable")[:2].tolist()
    if counts[second] < _SECOND_SHARE * len(names):
        return (COLOURS[first],)
    return COLOURS[first], COLOURS[second]


def _named(pixels: Numbers) -> Numbers:
    """The place in ``COLOURS`` of every pixel's colour."""
    top, bottom = pixels.max(axis=1), pixels.min(axis=1)
    chroma = top - bottom
    red, green, blue = pixels.T
    # Hue in whole degrees; where two channels share the top, any of the formulas gives the same.
    divisor = np.maximum(chroma, 1)
    hue = np.where(
        top == red,
        60 * (green - blue) // divisor % 360,
        np.where(
            top == green, 120 + 60 * (blue - red) // divisor, 240 + 60 * (red - green) // divisor
        ),
    )
    place = np.array([COLOURS.index(name) for name in _HUES])
    names: Numbers = place[np.searchsorted(_HUE_LIMITS, hue, side="right")]
    orange = (hue >= _HUE_LIMITS[0]) & (hue < _HUE_LIMITS[1])
    names[orange & (top < 160)] = COLOURS.index("brown")
    names[orange & (top >= 160) & (2 * chroma < top)] = COLOURS.index("beige")
    pale = (chroma < 16) | (8 * chroma < top)  # too little colour to be seen as one
    names[pale] = COLOURS.index("grey")
    names[pale & (top >= 210)] = COLOURS.index("white")
    names[top < 40] = COLOURS.index("black")
    return names


def _movement(luma: Numbers) -> tuple[str | None, int]:
    if len(luma) < 2:
        return None, 0
    changes = [
        _mean(np.abs(later - one)) / 2_550_000 for one, later in zip(luma, luma[1:], strict=False)
    ]
    usual = sorted(changes)[(len(changes) - 1) // 2]
    jump = max(_JUMP, _JUMP_OF_MEDIAN * usual)
    new_views = sum(change > min(jump, _NEW_VIEW) for change in changes)
    return MOVEMENT[bisect.bisect(_MOVEMENT_LIMITS, usual)], new_views


def _mean(numbers: Numbers) -> float:
    return int(numbers.sum()) / numbers.size


def _deviation(numbers: Numbers) -> float:
    """The standard deviation, exact until the root."""
    total, squares = int(numbers.sum()), int((numbers * numbers).sum())
    return math.sqrt(squares * numbers.size - total * total) / numbers.size
