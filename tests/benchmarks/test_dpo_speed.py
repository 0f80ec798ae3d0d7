from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import dpo_speed
from benchmarks.results import read_result
from benchmarks.two_models import write_models


def test_ours_alone(tmp_path: Path) -> None:
    flags = ["--without-peers", "--growth", "1", "4", "--rounds", "1", "--output", str(tmp_path)]
    tiny = ["--ids", "300", "--hidden", "16", "--layers", "1", "--pairs", "2"]
    assert dpo_speed.main([*flags, *tiny]) == 1  # nothing to hold it against
    result, facts = read_result(tmp_path / "dpo_speed.json")
    assert [(one.program, one.size, len(one.values)) for one in result.series] == [
        ("ours", 12, 1),
        ("ours", 48, 1),
    ]
    assert [claim.value for claim in result.claims] == [None, None]
    assert set(result.versions) == {"torch", "transformers"}
    assert not facts["complete"]


def test_both_sides_are_given_the_same_batch(tmp_path: Path) -> None:
    pairs = dpo_speed.make_pairs(3, 48, 300)
    dpo_speed.write_batch(tmp_path / "batch.json", pairs)
    batch = json.loads((tmp_path / "batch.json").read_text(encoding="utf-8"))
    rows = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
    for number, row in enumerate(rows):
        ids = batch["input_ids"][number][: len(row)]
        assert tuple(ids) == row.prompt_ids + row.target_ids
        assert sum(batch["attention_mask"][number]) == len(row) <= 48
        assert sum(batch["completion_mask"][number]) == len(row.target_ids)
    assert pairs == dpo_speed.make_pairs(3, 48, 300)


def test_the_loss_is_of_two_different_models(tmp_path: Path) -> None:
    write_models(tmp_path, 300, hidden=16, layers=1)
    batches = {24: dpo_speed.make_pairs(2, 24, 300)}
    (loss,) = dpo_speed.Ours(tmp_path, batches, threads=1)(24).values
    assert loss > 0
    assert loss != pytest.approx(0.6931, abs=1e-4)
