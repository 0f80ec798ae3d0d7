from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import sampler_resume
from benchmarks.results import read_result
from benchmarks.turns import Found, Round


def test_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_resume, "ROWS", 16)
    monkeypatch.setattr(sampler_resume, "COMPARED", 5)
    flags = ["--without-peers", "--growth", "1", "2", "--rounds", "1", "--output", str(tmp_path)]
    assert sampler_resume.main([*flags, "--cuts", "200"]) == 1  # 12,000 cuts were not run
    result, facts = read_result(tmp_path / "sampler_resume.json")
    assert [(one.program, one.size, one.unit) for one in result.series] == [
        ("ours", 200, "CPU s"),
        ("ours", 400, "CPU s"),
    ]
    seconds, exact = result.claims
    assert seconds.value is None
    assert exact.value == 1.0
    assert not facts["complete"]


def test_one_round_that_is_not_exact_counts() -> None:
    found: Found = {
        ("ours", 12_000): [Round(0.5, (1.0,)), Round(0.4, (0.0,)), Round(0.7, (1.0,))],
        ("lhotse 9", 12_000): [Round(3.0, (1.0,)), Round(3.0, (0.0,)), Round(3.0, (0.0,))],
    }
    seconds, exact = sampler_resume.claims(found)
    assert seconds.value == 0.5
    assert seconds.met
    assert not exact.met
    assert sampler_resume.exactness(found) == [
        "lhotse 9: 1 of 3 rounds gave the batches of its own unbroken run."
    ]
