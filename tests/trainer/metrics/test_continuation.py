"""Mean MCLP of what `trainer.score` really writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from schemas import table_of
from trainer.errors import UsageError
from trainer.evaluate import main
from trainer.metrics.continuation import Scored, mean_mclp, read_scored
from trainer.metrics.measurement import read_measurements
from trainer.scoring.parts import SUMMARY, path_of
from trainer.scoring.record import NO_CANDIDATE, Score


def _score(name: str, turn: int, mclp: float | None, n_tokens: int) -> Score:
    reason = NO_CANDIDATE if mclp is None else None
    return Score("scene-1", turn, name, mclp, n_tokens, reason, reason)


def _write(folder: Path) -> None:
    parts = [
        [_score("with_history", 0, -4.0, 100), _score("no_history", 0, -4.5, 100)],
        [_score("with_history", 1, -5.0, 300), _score("no_history", 1, None, 0)],
    ]
    for number, rows in enumerate(parts):
        pq.write_table(table_of(Score, rows), path_of(str(folder), number))
    (folder / SUMMARY).write_text(json.dumps({"scorer": {"dtype": "float32"}}))


def test_a_folder_of_scores(tmp_path: Path) -> None:
    _write(tmp_path)
    scored, about = read_scored(tmp_path)
    found = mean_mclp(scored)
    assert about == {"dtype": "float32"}
    assert list(found) == ["no_history", "with_history"]
    assert (found["with_history"].value, found["with_history"].count) == (-4.5, 2)
    assert (found["no_history"].value, found["no_history"].left_out) == (-4.5, 1)


def test_weights_are_numpys_average() -> None:
    rng = np.random.default_rng(7)
    values, tokens = rng.uniform(-6, -4, 40), rng.integers(10, 700, 40)
    scored = [Scored("a", float(v), int(n)) for v, n in zip(values, tokens, strict=True)]
    assert mean_mclp(scored)["a"].value == pytest.approx(np.mean(values))
    assert mean_mclp(scored, "token")["a"].value == pytest.approx(
        np.average(values, weights=tokens)
    )


def test_nothing_scored_is_no_figure() -> None:
    found = mean_mclp([Scored("a", None, 0)])["a"]
    assert (found.value, found.left_out) == (None, 1)


def test_a_folder_without_scores_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"score\.json: no finished scores .*trainer\.score"):
        read_scored(tmp_path)
    _write(tmp_path)
    (tmp_path / "part-000001.parquet").write_bytes(b"no Parquet")
    with pytest.raises(UsageError, match=r"part-000001\.parquet: not scores"):
        read_scored(tmp_path)


def test_scores_go_into_the_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path)
    output = tmp_path / "measurements.jsonl"
    command = ["mclp", "--input", str(tmp_path), "--task", "rp_audio_history"]
    assert main([*command, "--output", str(output), "--weight", "token"]) == 0
    assert "no_history -4.5000 (1), with_history -4.7500 (2)" in capsys.readouterr().out
    found = read_measurements(output)
    assert [(one.system, one.task, one.language, one.metric) for one in found] == [
        (name, "rp_audio_history", "zh", "mclp") for name in ("no_history", "with_history")
    ]
    assert found[1].judge == "weights ?, float32, template ?"
