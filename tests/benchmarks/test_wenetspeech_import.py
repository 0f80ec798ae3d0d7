from __future__ import annotations

from pathlib import Path

from benchmarks import wenetspeech_import
from benchmarks.results import read_result
from benchmarks.wenetspeech_import import Reading


def test_ours_alone(tmp_path: Path) -> None:
    flags = ["--without-peers", "--growth", "1", "--rounds", "1", "--output", str(tmp_path)]
    assert wenetspeech_import.main([*flags, "--audios", "2"]) == 1  # nothing to hold it against
    result, _ = read_result(tmp_path / "wenetspeech_import.json")
    assert [(one.program, one.size, one.unit) for one in result.series] == [
        ("ours", 440, "sentences/s"),
        ("ours", 440, "MB"),
    ]
    rate, peak = result.claims
    assert (rate.value, rate.reason) == (None, "run without peers")
    assert peak.value == result.series[1].values[0]


def test_the_ratio_is_held_at_four_times_and_growth_over_all() -> None:
    content = 1, 1, 1.0
    readings = {
        ("ours", 1): [Reading(1.0, 100.0, content)],
        ("lhotse", 1): [Reading(3.0, 400.0, content)],
        ("ours", 4): [Reading(4.0, 101.0, content)],
        ("lhotse", 4): [Reading(24.0, 900.0, content)],
        ("ours", 16): [Reading(16.0, 120.0, content)],
    }
    rate, peak, growth = wenetspeech_import.claims_of(readings, 500, "")
    assert (rate.text, rate.value) == (
        "2,000 recordings, sentences a second, against lhotse",
        6.0,
    )
    assert (peak.value, growth.value) == (120.0, 1.2)
    assert (peak.met, growth.met) == (True, False)
