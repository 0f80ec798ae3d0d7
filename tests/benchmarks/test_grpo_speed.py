from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks import grpo_speed
from benchmarks.grpo_step import GrpoSetting, Ours
from benchmarks.results import read_result
from benchmarks.turns import Round
from benchmarks.two_models import codes_of, write_models

CODES = codes_of(300)
SETTING = GrpoSetting(1, 2, "ab", CODES, CODES // 2, beta=0.1, clip=0.2)


def test_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of 300 ids a rollout soon draws the end; that is looked at in a test of its own.
    monkeypatch.setattr(grpo_speed, "check_drawn", lambda found: None)
    flags = ["--without-peers", "--growth", "1", "--rounds", "1", "--output", str(tmp_path)]
    tiny = ["--ids", "300", "--hidden", "16", "--layers", "1", "--tokens", "3"]
    assert grpo_speed.main([*flags, *tiny]) == 1  # nothing to hold it against
    result, facts = read_result(tmp_path / "grpo_speed.json")
    (ours,) = result.series
    assert (ours.program, ours.size, ours.size_unit) == ("ours", 3, "tokens a rollout")
    assert [claim.value for claim in result.claims] == [None, None, None]
    assert not facts["complete"]


def test_fewer_tokens_are_not_faster() -> None:
    whole = float(grpo_speed.GROUP * 64)
    grpo_speed.check_drawn({("ours", 64): [Round(1.0, (whole,))]})
    with pytest.raises(RuntimeError, match="TRL drew 256 tokens instead of 512"):
        grpo_speed.check_drawn({("TRL", 64): [Round(1.0, (whole / 2,))]})


def test_learning_from_given_rollouts(tmp_path: Path) -> None:
    write_models(tmp_path, 300, hidden=16, layers=1)
    first = grpo_speed.first_code(tmp_path, CODES)
    completions = [[first, first + 1, first + 5], [first + 2, first + 3, first + 4]]
    ours = Ours(tmp_path, SETTING, [3])
    divergence, _ = ours.learn(completions, [0.0, 0.0])
    assert divergence > 1e-6  # beta times k3: the reference is another model
    twice = Ours(tmp_path, dataclasses.replace(SETTING, beta=0.2), [3])
    assert twice.learn(completions, [0.0, 0.0])[0] == pytest.approx(2 * divergence, rel=1e-5)
    loss, norm = ours.learn(completions, [1.5, -0.5])
    assert loss == pytest.approx(divergence - 0.5, abs=1e-6)  # the mean advantage, ratio 1
    assert norm > 0
