from __future__ import annotations

from pathlib import Path

from benchmarks import chat_robustness
from benchmarks.results import read_result


def test_what_goes_wrong_is_counted(tmp_path: Path) -> None:
    flags = ["--without-peers", "--growth", "1", "--rounds", "1", "--output", str(tmp_path)]
    status = chat_robustness.main([*flags, "--rows", "120", "--faulty-rows", "40", "--kills", "1"])
    result, facts = read_result(tmp_path / "chat_robustness.json")
    assert status == 0
    assert not facts["complete"]  # no peers
    values = [claim.value for claim in result.claims]
    assert values == [0, 1, 0, 121, 0, 40]
    assert {one.program for one in result.series} == {"ours"}
    found = {one.unit: one.values for one in result.series}
    assert found[chat_robustness.STALE] == (0,)
    assert found[chat_robustness.RIGHT] == (40 - 1,)  # one is malformed for good
