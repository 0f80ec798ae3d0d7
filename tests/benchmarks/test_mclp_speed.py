from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import LlamaForCausalLM

from benchmarks import mclp_speed
from benchmarks.peer_programs.transformers_mclp import score
from benchmarks.results import read_result
from trainer.tiny import tiny_model

TINY = ["--ids", "7000", "--codes", "6", "--hidden", "32", "--layers", "1", "--candidates", "2"]


def test_ours_alone(tmp_path: Path) -> None:
    flags = ["--without-peers", "--growth", "1", "--rounds", "1", "--output", str(tmp_path)]
    assert mclp_speed.main([*flags, *TINY]) == 1  # nothing to hold it against
    result, facts = read_result(tmp_path / "mclp_speed.json")
    (ours,) = result.series
    assert (ours.program, ours.size, ours.size_unit, len(ours.values)) == (
        "ours",
        2,
        "candidates",
        1,
    )
    assert [claim.value for claim in result.claims] == [None, None]
    assert not facts["complete"]


def test_the_loop_finds_the_same_scores(tmp_path: Path) -> None:
    tiny_model(7000, hidden=32, layers=1).save_pretrained(tmp_path / "model")
    ours = mclp_speed.Ours(tmp_path, codes=6, threads=1)
    ours.write([3])
    rows = json.loads((tmp_path / "3.json").read_text(encoding="utf-8"))
    model = LlamaForCausalLM.from_pretrained(tmp_path / "model")
    scores = [score(model, row["ids"], row["counted"]) for row in rows]
    assert len(set(scores)) == 3
    assert scores == pytest.approx(ours(3).values, abs=1e-5)


def test_candidates_are_different() -> None:
    pairs = mclp_speed.make_pairs(8, 20)
    assert len({pair.candidate for pair in pairs}) == 8
    assert len({pair.truth for pair in pairs}) == 1
    assert pairs == mclp_speed.make_pairs(8, 20)
