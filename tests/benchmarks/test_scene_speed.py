from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import scene_speed
from benchmarks.results import read_result


def test_ours_alone(tmp_path: Path) -> None:
    flags = ["--without-peers", "--growth", "1", "--rounds", "1", "--output", str(tmp_path)]
    assert scene_speed.main([*flags, "--episodes", "1"]) == 1  # nothing to hold it against
    result, _ = read_result(tmp_path / "scene_speed.json")
    size = scene_speed.SENTENCES_PER_EPISODE
    assert [(one.program, one.size) for one in result.series] == [
        ("ours, columns", size),
        ("ours, records", size),
    ]
    columns, records, rate = result.claims
    assert columns.reason == records.reason == "run without peers"
    assert rate.value == result.series[1].median


def test_other_scenes_than_ours_are_refused() -> None:
    (episode,) = scene_speed.columns_of([scene_speed.make_episode(0)])
    (found,) = scene_speed.plan([episode])
    lengths = scene_speed.lengths_of(found)
    assert sum(lengths) == scene_speed.SENTENCES_PER_EPISODE
    scene_speed.check("peer", [[lengths]], [[lengths]])
    with pytest.raises(SystemExit, match="peer: not the same scenes"):
        scene_speed.check("peer", [[lengths[1:]]], [[lengths]])


def test_times_are_exact_and_nobody_speaks_over_another() -> None:
    lines = scene_speed.make_episode(3)
    assert all((64 * time).is_integer() for one in lines for time in (one.start, one.duration))
    ends = [one.start + one.duration for one in lines]
    assert all(end < after.start for end, after in zip(ends, lines[1:], strict=False))
    assert lines == scene_speed.make_episode(3)
