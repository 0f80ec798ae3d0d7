"""Balance of the sheets, for all sizes of a test; and the order on them."""

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from tests.trainer.listening_kit.clips import SYSTEMS, clip, settings
from trainer.errors import UsageError
from trainer.listening.clips import Clip
from trainer.listening.items import Item, draw_items
from trainer.listening.settings import GoldSettings
from trainer.listening.sheets import arrange, assign, deal


def items_of(cells: list[int]) -> list[Item]:
    """So many cases of every cell."""
    return [
        Item(
            id=f"{cell}/{case}", clip=clip(SYSTEMS[cell % 3], f"c{case}", language=f"l{cell // 3}")
        )
        for cell, cases in enumerate(cells)
        for case in range(cases)
    ]


@given(
    cells=st.lists(st.integers(1, 12), min_size=1, max_size=9),
    raters=st.integers(1, 14),
    data=st.data(),
    seed=st.integers(0, 2**32),
)
@trying(max_examples=200, deadline=None)
def test_every_rater_gets_the_same_of_everything(
    cells: list[int], raters: int, data: st.DataObject, seed: int
) -> None:
    per_item = data.draw(st.integers(1, raters))
    items = items_of(cells)
    dealt = assign(items, raters, per_item, random.Random(seed))
    ratings = Counter(item.id for own in dealt for item in own)
    assert ratings == {item.id: per_item for item in items}
    for own in dealt:
        assert len({item.id for item in own}) == len(own)  # nobody rates an item twice
    for cell in {item.cell for item in items}:
        counts = [sum(item.cell == cell for item in own) for own in dealt]
        assert max(counts) - min(counts) <= 1, cell
    totals = [len(own) for own in dealt]
    assert max(totals) - min(totals) <= 1


@given(
    counts=st.lists(st.integers(1, 8), min_size=1, max_size=8),
    seed=st.integers(0, 2**32),
)
@trying(max_examples=300, deadline=None)
def test_an_order_is_found_wherever_there_is_one(counts: list[int], seed: int) -> None:
    items = [
        Item(id=f"{case}/{n}", clip=clip("s2", f"c{case}"))
        for case, count in enumerate(counts)
        for n in range(count)
    ]
    if max(counts) > (len(items) + 1) // 2:
        with pytest.raises(ValueError, match="would be neighbours"):
            arrange(items, random.Random(seed))
        return
    ordered = arrange(items, random.Random(seed))
    assert sorted(item.id for item in ordered) == sorted(item.id for item in items)
    assert all(one.clip.key != other.clip.key for one, other in pairwise(ordered))


def test_the_order_is_random_and_not_by_case() -> None:
    items = items_of([4, 4, 4])
    orders = {tuple(item.id for item in arrange(items, random.Random(n))) for n in range(200)}
    assert len(orders) == 200
    firsts = Counter(order[0] for order in orders)
    assert set(firsts) == {item.id for item in items}


def everything(cases: int = 5) -> list[Clip]:
    return [
        clip(system, f"c{case}", task, language)
        for system in SYSTEMS
        for task in ("to_easy", "tr_easy", "tr_hard")
        for language in ("en", "zh")
        for case in range(cases)
    ]


@pytest.mark.parametrize("test", ["q_mos", "mos", "cmos"])
def test_a_whole_test_is_balanced_and_nothing_stands_beside_itself(test: str) -> None:
    chosen = settings(raters=7, cases=5)
    items = draw_items(everything(), test, chosen)  # type: ignore[arg-type]
    sheets = deal(items, test, chosen)  # type: ignore[arg-type]
    counted = [item for item in items if not item.is_gold]
    assert len(counted) == 5 * 3 * 2 * (2 if test == "cmos" else 3)
    for item in items:
        on = sum(any(entry.item == item for entry in sheet.entries) for sheet in sheets)
        assert on == (7 if item.is_gold else 3)
    for sheet in sheets:
        keys = [entry.item.clip.key for entry in sheet.entries]
        assert all(one != other for one, other in pairwise(keys))
        assert sum(entry.item.is_gold for entry in sheet.entries) == 2
    assert len({sheet.rater for sheet in sheets}) == 7
    assert deal(items, test, chosen) == sheets  # type: ignore[arg-type]


def test_the_baseline_comes_first_half_of_the_time() -> None:
    chosen = settings(raters=5, cases=5)
    sheets = deal(draw_items(everything(), "cmos", chosen), "cmos", chosen)
    for sheet in sheets:
        sides = [entry.baseline_first for entry in sheet.entries]
        assert abs(sides.count(True) - sides.count(False)) <= 1
        for cell in {entry.item.cell for entry in sheet.entries}:
            own = [entry.baseline_first for entry in sheet.entries if entry.item.cell == cell]
            assert abs(own.count(True) - own.count(False)) <= 1
    assert all(
        entry.baseline_first is None
        for sheet in deal(draw_items(everything(), "q_mos", chosen), "q_mos", chosen)
        for entry in sheet.entries
    )


def test_too_much_of_one_case_is_said() -> None:
    chosen = settings(raters=3, gold=GoldSettings(items=0))
    items = draw_items([clip(system, "c0") for system in SYSTEMS], "q_mos", chosen)
    with pytest.raises(UsageError, match="rater-01: 3 of 3 items are of case c0 .* more cases"):
        deal(items, "q_mos", chosen)
