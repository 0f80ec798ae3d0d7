from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import scene_command
from benchmarks.processes import Usage, measured, module
from pipelines.cut_scenes import main as cut_scenes
from pipelines.stage import open_stage


def test_what_it_writes_is_what_the_command_reads(tmp_path: Path) -> None:
    annotated, output = tmp_path / "annotate", tmp_path / "cut_scenes"
    assert scene_command.main(["--episodes", "2", "--write", str(annotated)]) == 0
    assert open_stage(str(annotated), "annotate").facts.rows_out == 2 * 481
    flags = ["--source", "wenetspeech", "--input", str(annotated), "--output", str(output)]
    assert cut_scenes(flags) == 0
    assert open_stage(str(output), "cut_scenes").facts.rows_out == 2 * 481


def test_claims_are_of_the_right_sizes() -> None:
    used = {
        1: [Usage(4.0, 1.0, 200.0, "")],
        4: [Usage(6.0, 1.0, 220.0, ""), Usage(8.0, 1.0, 210.0, "")],
        16: [Usage(30.0, 1.0, 230.0, "")],
    }
    starts = [Usage(2.0, 0.5, 80.0, "")]
    whole, start, growth = scene_command.claims_of(used, starts, 23)
    assert (whole.text, whole.value) == ("the whole command, 44,252 sentences", 7.0)
    assert start.value == 2.0
    assert growth.value == 230.0 / 200.0
    series = list(scene_command.series_of(used, starts, 23))
    assert [one.values for one in series if one.unit == "MB" and one.program == "ours"] == [
        (200.0,),
        (220.0, 210.0),
        (230.0,),
    ]


def test_a_command_that_fails_is_an_error_with_what_it_said() -> None:
    with pytest.raises(RuntimeError, match=r"ended with 2:\n(?s:.*)unrecognized"):
        measured(module("benchmarks.collect", "--no-such-flag"))
