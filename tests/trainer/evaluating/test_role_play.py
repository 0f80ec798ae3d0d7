"""Role play: the same turns with the speech before them and without."""

from __future__ import annotations

from pathlib import Path

from tests.trainer.coded import scene, write
from trainer.evaluating.role_play import read_scenes, role_play_cases
from trainer.evaluating.settings import RolePlaySettings


def folder(tmp_path: Path) -> str:
    cuts = [scene(f"s{n}", [5, 6, 7], caption="A workshop.") for n in range(5)]
    cuts.append(scene("dots", [5, 6], turn_fields=[{}, {"text": "……"}]))
    return str(write(tmp_path / "codes", cuts))


def test_both_tasks_have_the_same_turns_and_only_one_has_speech_before(tmp_path: Path) -> None:
    settings = RolePlaySettings(folder=folder(tmp_path))
    scenes = read_scenes(settings, seed=0)
    assert [turn.id for turn in scenes.turns] == [f"s{n}-2" for n in range(5)]
    assert scenes.wordless == 1
    cases = role_play_cases(scenes, settings)
    spoken, unspoken = cases[:5], cases[5:]
    assert {case.task for case in spoken} == {"rp_audio_history"}
    assert {case.task for case in unspoken} == {"rp_no_audio_history"}
    for one, other, turn in zip(spoken, unspoken, scenes.turns, strict=True):
        assert one.truth_codes == other.truth_codes == turn.codes
        assert one.text == other.text == turn.text
        roles = [each.role for each in one.context]
        assert roles == ["system", "human", "assistant", "human", "assistant", "human"]
        assert [len(each.codes) for each in one.context] == [0, 0, 5, 0, 6, 0]
        assert [each.role for each in other.context] == ["system", "human"]
        assert not any(each.codes for each in other.context)
        assert turn.text in one.context[-1].text and one.context[-1] == other.context[-1]


def test_a_count_draws_by_the_seed(tmp_path: Path) -> None:
    path = folder(tmp_path)
    settings = RolePlaySettings(folder=path, count=3)
    drawn = [[t.id for t in read_scenes(settings, seed).turns] for seed in (0, 0, 1, 2, 3)]
    assert all(len(one) == 3 and one == sorted(one) for one in drawn)
    assert drawn[0] == drawn[1] and len({tuple(one) for one in drawn}) > 1
    every = RolePlaySettings(folder=path, turns="all")
    assert len(read_scenes(every, 0).turns) == 5 * 3 + 1
