from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import assign_speed
from benchmarks.results import Series, read_result


def test_ours_alone(tmp_path: Path) -> None:
    flags = ["--without-peers", "--growth", "1", "--rounds", "1", "--output", str(tmp_path)]
    assert assign_speed.main([*flags, "--turns", "20"]) == 1  # nothing to hold it against
    result, _ = read_result(tmp_path / "assign_speed.json")
    assert [(one.program, one.size, len(one.values)) for one in result.series] == [
        ("ours, columns", 20, 1),
        ("ours, records", 20, 1),
    ]
    assert len(result.claims) == 4  # two peers, columns and records
    assert {claim.reason for claim in result.claims} == {"run without peers"}


def test_the_ratio_is_to_the_peer_at_the_same_size() -> None:
    rates = {"ours, columns": 30.0, "ours, records": 20.0, "lhotse": 10.0}
    series = [
        Series(program, size, "sentences", "sentences/s", (rate * size,))
        for size in (1, 2)
        for program, rate in rates.items()
    ]
    claims = assign_speed.claims_of(series, {"whisperX": "not there"})
    found = {claim.text: claim.value for claim in claims if claim.text.endswith("lhotse")}
    assert list(found.values()) == [3.0, 2.0, 3.0, 2.0]
    assert all(claim.value is None for claim in claims if claim.text.endswith("whisperX"))


def test_a_program_that_finds_other_speakers_is_refused() -> None:
    right: assign_speed.Labels = ["A"] * 100
    assign_speed.check("peer", [*right[1:], "B"], right)  # one in a hundred may be a tie
    with pytest.raises(SystemExit, match="peer agrees on 98 of 100"):
        assign_speed.check("peer", [*right[2:], "B", None], right)
