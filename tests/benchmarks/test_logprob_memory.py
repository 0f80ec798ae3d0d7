from __future__ import annotations

from pathlib import Path

from benchmarks import logprob_memory
from benchmarks.logprob_memory import Figures
from benchmarks.results import read_result


def test_both_at_a_small_size(tmp_path: Path) -> None:
    flags = ["--growth", "1", "--rounds", "1", "--output", str(tmp_path)]
    sizes = ["--targets", "40", "--ids", "20000", "--width", "8"]
    assert logprob_memory.main([*flags, *sizes]) == 1  # 4,800 targets were not run
    result, facts = read_result(tmp_path / "logprob_memory.json")
    assert [(one.program, one.unit) for one in result.series] == [
        ("ours", "GB"),
        ("all logits", "GB"),
        ("ours", "CPU s"),
        ("all logits", "CPU s"),
    ]
    memory, loss = result.claims
    assert memory.value is None
    assert loss.met
    assert result.series[1].median > 20_000 * 40 * 4 / 1e9  # at least the logits themselves
    assert not facts["complete"]


def test_full_size_is_what_counts() -> None:
    found: Figures = {
        ("ours", 1200): [{"gb": 0.1, "seconds": 1.0, "loss": 2.0}],
        ("all logits", 1200): [{"gb": 2.0, "seconds": 1.0, "loss": 2.5}],
        ("ours", 4800): [{"gb": 1.2, "seconds": 1.0, "loss": 2.0}],
    }
    memory, loss = logprob_memory.claims(found)
    assert (memory.value, memory.met) == (1.2, False)
    assert (loss.value, loss.met) == (0.2, False)
    assert "8.0 GB by extrapolation" in logprob_memory.limit_note(found, 1200)
