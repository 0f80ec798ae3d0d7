"""Measures of pictures that were made to have them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.stages.picture_facts import COLOURS, measure

Picture = NDArray[np.uint8]


def plain(red: int, green: int, blue: int, height: int = 90, width: int = 160) -> Picture:
    return np.broadcast_to(np.array([red, green, blue], np.uint8), (height, width, 3)).copy()


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((0, 0, 0), "black"),
        ((128, 128, 128), "grey"),
        ((250, 250, 250), "white"),
        ((200, 20, 20), "red"),
        ((100, 60, 25), "brown"),
        ((240, 140, 20), "orange"),
        ((230, 210, 180), "beige"),
        ((240, 230, 30), "yellow"),
        ((30, 160, 40), "green"),
        ((30, 190, 190), "turquoise"),
        ((40, 60, 200), "blue"),
        ((110, 30, 190), "purple"),
        ((240, 90, 180), "pink"),
    ],
)
def test_colours_have_their_names(rgb: tuple[int, int, int], name: str) -> None:
    assert measure([plain(*rgb)]).colours == (name,)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_every_colour_has_a_name(rgb: tuple[int, int, int]) -> None:
    assert measure([plain(*rgb)]).colours[0] in COLOURS


@pytest.mark.parametrize(
    ("grey", "light"),
    [(10, "very dark"), (40, "dark"), (80, "dim"), (130, "moderately lit"), (220, "bright")],
)
def test_light_is_the_mean_of_the_picture(grey: int, light: str) -> None:
    facts = measure([plain(grey, grey, grey)])
    assert (facts.light, facts.contrast, facts.vividness) == (light, "low", "almost no")


def test_the_larger_share_comes_first_and_a_small_one_is_left_out() -> None:
    picture = plain(40, 60, 200)
    picture[:30] = (30, 160, 40)
    assert measure([picture]).colours == ("blue", "green")
    picture[5:30] = (40, 60, 200)
    assert measure([picture]).colours == ("blue",)


def test_warm_and_cool() -> None:
    assert measure([plain(200, 120, 60)]).tone == "warm"
    assert measure([plain(60, 120, 200)]).tone == "cool"
    assert measure([plain(90, 200, 90)]).tone == "neutral"


def test_one_picture_tells_nothing_of_movement() -> None:
    assert measure([plain(1, 2, 3)]).movement is None
    assert measure([plain(1, 2, 3)] * 2).movement == "still"


def test_a_cut_is_another_view_and_no_movement() -> None:
    dark, light = plain(20, 20, 20), plain(200, 200, 200)
    facts = measure([dark, dark, dark, light, light, light])
    assert (facts.movement, facts.new_views) == ("still", 1)
    assert measure([dark, light, dark, light]).new_views == 3


def test_something_that_moves_all_the_time_is_movement_and_no_cut() -> None:
    pictures = []
    for step in range(8):
        picture = plain(60, 60, 60)
        picture[20:70, 10 + 6 * step : 50 + 6 * step] = (200, 200, 200)
        pictures.append(picture)
    facts = measure(pictures)
    assert (facts.movement, facts.new_views) == ("much movement", 0)


def test_pictures_of_any_size_are_measured_together() -> None:
    assert measure([plain(9, 9, 9, 1, 1), plain(9, 9, 9, 720, 1280)]).new_views == 0


def test_no_picture_is_an_error() -> None:
    with pytest.raises(ValueError, match="no picture"):
        measure([])
