from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.episode_numbers import (
    episode_number,
    marked_numbers,
    normalised,
    numbers_in,
    values,
)


def chinese(number: int) -> str:
    """A numeral from 1 to 999, as one says it."""
    ones = "零一二三四五六七八九"
    hundreds, rest = divmod(number, 100)
    tens, last = divmod(rest, 10)
    said = f"{ones[hundreds]}百" if hundreds else ""
    if tens:
        said += ("" if tens == 1 and not hundreds else ones[tens]) + "十"
    elif hundreds and last:
        said += "零"
    return said + (ones[last] if last else "")


@pytest.mark.parametrize(
    ("title", "marked"),
    [
        ("《春风小巷》第1集 李梅与父亲争吵 | CCTV电视剧", ["1"]),
        ("[ENG SUB] 春风小巷 Spring Alley EP02 (Starring Zhao Lin)", ["2"]),
        ("【ＥＰ０２】大江", ["2"]),
        ("大江EP01大江", ["1"]),
        ("欢乐2 Ode II EP.12", ["12"]),
        ("Episode #7, Ep 8, eps 9", ["7", "8", "9"]),
        ("EP7 - EP8, EP 5 - 3 brothers", ["7-8", "5"]),
        ("S01E10 | S2 E11", ["10", "11"]),
        ("Story E3 and E04", ["3", "4"]),
        ("第 十二 集（上）", ["12上"]),
        ("第5集下", ["5下"]),
        ("第5集下雨了", ["5"]),  # it rains, it is no second part
        ("第1-2集 第三至五集 第05集第06集", ["1-2", "3-5", "5", "6"]),
        ("Ep 05 Part 2", ["5 part 2"]),
        ("Episodes 1 to 8, EP 9-10, EP 11 & 12", ["1-8", "9-10", "11-12"]),
        ("第二季 全40集 共三十集 第2部 40集全", []),
        ("2019-05-12 1080P SP1 PEP 8 step 3 e-10", []),
        ("第12345集", []),
        ("第5-3集 EP5-2019", []),
        ("第十百集", []),
        ("", []),
    ],
)
def test_plain_marks_are_read_and_nothing_else(title: str, marked: list[str]) -> None:
    assert [mark.number for mark in marked_numbers(normalised(title))] == marked


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", "1"),
        ("012", "12"),
        ("０３", "3"),
        ("第1集", "1"),
        ("EP02", "2"),
        ("Episode 10", "10"),
        ("第十二集", "12"),
        ("二〇", "20"),
        ("廿三", "23"),
        ("5 (下)", "5下"),
        ("5 part 2", "5 part 2"),
        ("EP02-03", "2-3"),
        ("0", "0"),
        ("Finale", None),
        ("大结局", None),
        ("大結局", None),
        ("NULL", None),
        (" ", None),
    ],
)
def test_numbers_have_one_normal_form(text: str, number: str | None) -> None:
    assert episode_number(text) == number
    assert number is None or episode_number(number) == number


@pytest.mark.parametrize(
    "text", ["twelve", "5/40", "1.5", "-3", "99999", "1, 2", "EP1 EP2", "the first", "3-3", "十百"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the number of an episode"):
        episode_number(text)


@given(st.integers(1, 999))
def test_every_way_to_write_a_number_means_the_same(number: int) -> None:
    said = chinese(number)
    for form in (f"第{said}集", said, f"第{number:03d}集", f"EP{number:02d}", f"Episode {number}"):
        assert episode_number(form) == str(number), form
        assert numbers_in(normalised(f"电视剧 {form} 雨夜")) == {number}
    assert [mark.number for mark in marked_numbers(f"《大江》第{said}集 雨夜")] == [str(number)]


def test_numbers_are_found_however_they_are_written() -> None:
    assert numbers_in("Season II, 第十二集, Episode Four of 40") == {2, 4, 12, 40}
    assert numbers_in("Part XIV, 9" + "9" * 5000) == {14}  # no number is that long
    assert (values("1-2"), values("5 part 2"), values("7上")) == ({1, 2}, {5}, {7})


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    for mark in marked_numbers(normalised(text)):
        assert episode_number(mark.number) == mark.number
        assert values(mark.number) <= numbers_in(normalised(text))
    try:
        number = episode_number(text)
    except ValueError:
        return
    assert number is None or episode_number(number) == number


@pytest.mark.parametrize(
    "piece", ["第", "第1", "一", "1-", "ep", "s1 e", "第一-", "[(《", " ", "e"]
)
def test_a_long_hostile_title_takes_no_time(piece: str) -> None:
    marked_numbers(normalised(piece * 20_000))
    numbers_in(normalised(piece * 20_000))
