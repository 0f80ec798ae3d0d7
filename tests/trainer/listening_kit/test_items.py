"""Which clips are rated: paired cases, pairs with their baseline, gold items."""

import pytest

from tests.trainer.listening_kit.clips import SYSTEMS, clip, settings
from trainer.errors import UsageError
from trainer.listening.clips import Clip
from trainer.listening.items import Item, draw_items
from trainer.listening.settings import GoldSettings

CLIPS = [
    clip(system, f"c{case:02d}", "tr_hard", language)
    for system in SYSTEMS
    for language in ("en", "zh")
    for case in range(20)
]


def counted(items: list[Item]) -> list[Clip]:
    return [item.clip for item in items if not item.is_gold]


def test_the_drawn_cases_are_the_same_for_all_systems_and_tests() -> None:
    chosen = settings(cases=5)
    rated = counted(draw_items(CLIPS, "q_mos", chosen))
    cases = {system: {c.key for c in rated if c.system == system} for system in SYSTEMS}
    assert all(len(found) == 10 and found == cases["ground_truth"] for found in cases.values())
    compared = counted(draw_items(CLIPS, "cmos", chosen))
    assert {c.key for c in compared} == cases["ground_truth"]
    assert {c.system for c in compared} == {"flexivoice_s2", "cosyvoice2"}
    others = counted(draw_items(CLIPS, "q_mos", settings(cases=5, seed=8)))
    assert {c.key for c in others} != cases["ground_truth"]


def test_only_cases_that_all_systems_have_are_drawn() -> None:
    fewer = [c for c in CLIPS if c.system != "cosyvoice2" or c.case < "c06"]
    rated = counted(draw_items(fewer, "q_mos", settings(cases=5)))
    assert {c.case for c in rated} <= {f"c{case:02d}" for case in range(6)}
    with pytest.raises(UsageError, match="tr_hard en: 6 cases that all of .* 7 wanted"):
        draw_items(fewer, "q_mos", settings(cases=7))


def test_without_drawing_all_clips_are_rated() -> None:
    assert counted(draw_items(CLIPS, "mos", settings(cases=None))) == CLIPS
    chinese = counted(draw_items(CLIPS, "mos", settings(cases=None, languages=("zh",))))
    assert {c.language for c in chinese} == {"zh"} and len(chinese) == 60
    with pytest.raises(UsageError, match="languages: de is not in the table: en, zh"):
        draw_items(CLIPS, "mos", settings(languages=("de",)))


def test_a_pair_needs_its_baseline() -> None:
    short = [c for c in CLIPS if (c.system, c.case) != ("ground_truth", "c03")]
    with pytest.raises(UsageError, match="ground_truth has no case c03 of tr_hard en to compare"):
        draw_items(short, "cmos", settings())
    with pytest.raises(UsageError, match="no clip to be rated"):
        draw_items([clip("ground_truth", "c0")], "cmos", settings())


def test_made_gold_is_noise_or_twice_the_same() -> None:
    chosen = settings(gold=GoldSettings(items=4))
    gold = [item for item in draw_items(CLIPS, "q_mos", chosen) if item.is_gold]
    assert [(item.low, item.high, item.drowned) for item in gold] == [(1.0, 2.0, True)] * 4
    assert len({item.clip.key for item in gold}) == 4
    assert [item.clip.language for item in gold] == ["en", "zh", "en", "zh"]
    pairs = [item for item in draw_items(CLIPS, "cmos", chosen) if item.is_gold]
    assert all(item.clip == item.baseline and not item.drowned for item in pairs)
    assert {(item.low, item.high) for item in pairs} == {(0.0, 0.0)}
    with pytest.raises(UsageError, match="gold.items: 3 need as many cases"):
        draw_items([clip("s2", "c0")], "q_mos", settings(gold=GoldSettings(items=3)))


def test_gold_of_the_table_is_rated_beside_the_made_one_and_not_counted() -> None:
    known = clip("ground_truth", "check").model_copy(update={"gold_low": 4.0, "gold_high": 5.0})
    items = draw_items([*CLIPS, known], "mos", settings(cases=5))
    assert [item.clip.case for item in items if item.low == 4.0] == ["check"]
    assert known not in counted(items)


def test_ids_tell_nothing_and_are_their_own() -> None:
    items = draw_items(CLIPS, "q_mos", settings())
    assert len({item.id for item in items}) == len(items)
    assert all(len(item.id) == 10 and int(item.id, 16) >= 0 for item in items)
    first = [item.id for item in items]
    assert first != sorted(first)
    assert [item.id for item in draw_items(CLIPS, "q_mos", settings(seed=8))] != first
