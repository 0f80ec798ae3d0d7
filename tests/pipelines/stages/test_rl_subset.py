from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.rl_subset import RlReason, RlSettings, count_han, select_rl_scenes
from schemas.episode import Scene
from tests.pipelines.stages.drama import scene, sentence


def spoken(turns: int, last: str) -> Scene:
    lines = [*(sentence(i, i + 1) for i in range(turns - 1)), sentence(turns, turns + 1, text=last)]
    return scene(f"{turns}-{last}", "e", turns, sentences=tuple(lines))


def angry(scenes: Sequence[Scene]) -> list[str]:
    return ["angry"] * len(scenes)


LONG = "一二三四五六七八九十百"  # 11 characters


@pytest.mark.parametrize(
    ("turns", "last", "reason"),
    [
        (1, LONG, RlReason.TURNS_TOO_FEW),
        (2, LONG, None),
        (6, LONG, None),
        (7, LONG, RlReason.TURNS_TOO_MANY),
        (2, LONG[:10], RlReason.LAST_TURN_SHORT),  # exactly 10 do not exceed 10
        (2, LONG[:10] + "，ABC123！", RlReason.LAST_TURN_SHORT),  # only Chinese characters count
        (2, LONG[:5] + "，ok " + LONG[5:], None),
    ],
)
def test_boundaries(turns: int, last: str, reason: RlReason | None) -> None:
    kept, rejected, _ = select_rl_scenes([spoken(turns, last)], angry)
    assert [one.reason for one in rejected] == ([] if reason is None else [reason])
    assert len(kept) == (reason is None)


def test_neutral_speech_is_rejected_whatever_the_case_of_its_label() -> None:
    scenes = [spoken(2, LONG), spoken(3, LONG), spoken(4, LONG)]
    kept, rejected, _ = select_rl_scenes(scenes, lambda _: ["Neutral", "happy", "neutral"])
    assert kept == [scenes[1]]
    assert [one.scene_id for one in rejected] == [scenes[0].id, scenes[2].id]
    assert {one.reason for one in rejected} == {RlReason.STYLE_NEUTRAL}


def test_the_classifier_hears_only_what_the_other_rules_keep() -> None:
    heard: list[Scene] = []

    def classifier(scenes: Sequence[Scene]) -> list[str]:
        heard.extend(scenes)
        return angry(scenes)

    good = spoken(2, LONG)
    select_rl_scenes([spoken(1, LONG), good, spoken(9, LONG)], classifier)
    assert heard == [good]
    select_rl_scenes([spoken(1, LONG)], classifier)
    assert heard == [good]


def test_a_classifier_that_loses_scenes_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 labels for 1 scenes"):
        select_rl_scenes([spoken(2, LONG)], lambda _: [])


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 14), st.booleans())))
def test_every_scene_is_kept_or_rejected_once_in_order(rows: list[tuple[int, int, bool]]) -> None:
    scenes = [
        scene(f"s{i}", "e", n, sentences=spoken(n, "好" * k).sentences)
        for i, (n, k, _) in enumerate(rows)
    ]
    dull = {f"s{i}" for i, (_, _, neutral) in enumerate(rows) if neutral}
    kept, rejected, _ = select_rl_scenes(
        scenes, lambda asked: ["neutral" if one.id in dull else "sad" for one in asked]
    )
    assert sorted([*(s.id for s in kept), *(r.scene_id for r in rejected)]) == sorted(
        s.id for s in scenes
    )
    assert [s for s in scenes if s in kept] == kept
    right = [f"s{i}" for i, (n, k, dull) in enumerate(rows) if 2 <= n <= 6 and k > 10 and not dull]
    assert [s.id for s in kept] == right


def test_han_characters_of_all_planes() -> None:
    assert count_han("𠀀𪜶㐀一豈〇々") == 7
    assert count_han("abc １２３ ，。《》 カな ㄅ ⼀") == 0  # kana, bopomofo and radicals neither


def test_settings_are_strict() -> None:
    with pytest.raises(ValueError, match="min_turns is more than max_turns"):
        RlSettings(min_turns=7)
    with pytest.raises(ValueError, match="max_turn"):
        RlSettings.model_validate({"max_turn": 5})


def test_without_a_classifier_style_does_not_count() -> None:
    scenes = [spoken(2, LONG), spoken(1, LONG)]
    kept, rejected, styles = select_rl_scenes(scenes, None)
    assert kept == scenes[:1] and styles == {}
    assert [one.reason for one in rejected] == [RlReason.TURNS_TOO_FEW]


def test_what_the_classifier_cannot_hear_is_not_kept() -> None:
    scenes = [spoken(2, LONG), spoken(3, LONG)]
    kept, rejected, styles = select_rl_scenes(scenes, lambda _: [None, "sad"])
    assert kept == scenes[1:] and styles == {scenes[1].id: "sad"}
    assert [one.reason for one in rejected] == [RlReason.STYLE_UNHEARD]
