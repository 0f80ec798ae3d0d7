"""Separating and diarizing long recordings: what is measured, and what it is held to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from benchmarks import diarize_memory, separate_memory
from benchmarks.long_recording import Run, claims_of, series_of


@pytest.mark.parametrize(
    ("write", "channels"),
    [(separate_memory.write_recording, 2), (diarize_memory.write_recording, 1)],
    ids=["separate", "diarize"],
)
def test_a_recording_is_as_long_as_asked(
    write: Callable[[Path, float], None], channels: int, tmp_path: Path
) -> None:
    path = tmp_path / "long.flac"
    write(path, 45.5)
    found = soundfile.info(path)
    assert (found.duration, found.channels) == (45.5, channels)


def test_diarizing_tells_what_it_used_and_found(tmp_path: Path) -> None:
    diarize_memory.write_recording(tmp_path / "vocals.flac", 5.0)
    found = diarize_memory.diarize(tmp_path / "vocals.flac")
    assert found["peak_mb"] > 0
    assert found["turns"] >= found["speakers"] >= 1


def test_separating_tells_what_it_used_and_how_long_the_vocals_are(tmp_path: Path) -> None:
    separate_memory.write_recording(tmp_path / "recording.flac", 2.0)
    found = separate_memory.separate(tmp_path / "recording.flac")
    assert found["peak_mb"] > 0
    assert found["vocals_seconds"] == pytest.approx(2.0, abs=0.1)


def test_growth_is_from_the_shortest_recording_of_a_whole_chunk() -> None:
    runs = [Run(4.0, 24.0, 300.0), Run(16.0, 96.0, 800.0), Run(64.0, 384.0, 820.0)]
    peak, growth = claims_of(runs, from_minutes=10.0)
    assert (peak.value, growth.value) == (820.0, 820.0 / 800.0)
    assert growth.text == "peak memory at 4 times the length"
    assert claims_of(runs[:1])[0].value == 300.0
    assert [one.values for one in series_of(runs)][:2] == [(0.1,), (0.1,)]
