from __future__ import annotations

from pathlib import Path

from benchmarks import chat_engine
from benchmarks.results import read_result


def test_the_engine_against_the_bare_client(tmp_path: Path) -> None:
    flags = ["--without-peers", "--growth", "1", "--rounds", "2", "--output", str(tmp_path)]
    chat_engine.main([*flags, "--calls", "30", "--delay-ms", "1"])
    result, _ = read_result(tmp_path / "chat_engine.json")
    bare, curator = result.claims
    assert bare.value is not None
    assert bare.text == "30 calls, the whole engine against bare AsyncOpenAI"
    assert curator.value is None
    assert curator.reason == "run without peers"
    rates = [one for one in result.series if one.unit == "calls/s"]
    assert [(one.program, one.size, len(one.values)) for one in rates] == [
        ("ours", 30, 2),
        ("bare AsyncOpenAI", 30, 2),
    ]
