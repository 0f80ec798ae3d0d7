"""``python -m pipelines.cut_scenes`` as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.cut_scenes import main
from pipelines.stage import open_stage
from tests.pipelines.stages.drama import truth
from tests.pipelines.stages.drama_scenes import both_episodes, save_annotated
from tests.pipelines.test_caption_command import MULTIPROCESSING, content, facts_of, scenes_in


def run(annotate: Path, output: Path, *flags: str) -> int:
    paths = ["--input", str(annotate), "--output", str(output)]
    return main(["--source", "wenetspeech", *paths, *flags])


@pytest.fixture
def annotate(tmp_path: Path) -> Path:
    return save_annotated(tmp_path / "annotate", both_episodes())


def test_the_whole_command(
    annotate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "cut_scenes"
    assert run(annotate, output) == 0
    assert capsys.readouterr().out == (
        "cut_scenes wenetspeech: 51 in, 51 out, 0 rejected, 0.04 h out, 10 scenes\n"
    )
    right = truth("scenes.json")["scenes"]
    assert [[line.id for line in scene.sentences] for scene in scenes_in(output)] == [
        scene["sids"] for scenes in right.values() for scene in scenes
    ]
    facts = facts_of(output)
    assert (facts.unit, facts.backend, facts.prompt_sha256) == ("sentence", None, {})
    assert (facts.speakers_in, facts.speakers_out) == (7, 7)
    reasons = {"cut.first": 2, "cut.gap": 6, "cut.cap": 2}
    assert facts.counts.items() >= (reasons | {"scenes": 10, "audios_in": 2, "overlong": 0}).items()
    assert sum(n for key, n in facts.counts.items() if key.startswith("turns.")) == 10


def test_the_bytes_do_not_depend_on_the_number_of_workers(annotate: Path, tmp_path: Path) -> None:
    assert run(annotate, tmp_path / "one") == 0
    assert run(annotate, tmp_path / "two", "--", *MULTIPROCESSING) == 0
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_limit_is_a_number_of_episodes_a_part(tmp_path: Path) -> None:
    annotate = save_annotated(tmp_path / "annotate", both_episodes(one_part=True))
    assert run(annotate, tmp_path / "cut", "--limit", "1") == 0
    assert facts_of(tmp_path / "cut").counts["audios_out"] == 1


def test_an_earlier_stage_that_is_not_done_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "nowhere", tmp_path / "cut") == 2
    assert "run python -m pipelines.annotate --source wenetspeech" in capsys.readouterr().err


def test_a_source_of_utterances_has_no_scenes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--source", "emilia"]) == 2
    assert "not for this command; it takes: wenetspeech" in capsys.readouterr().err


def test_the_output_is_what_the_next_stage_opens(annotate: Path, tmp_path: Path) -> None:
    assert run(annotate, tmp_path / "cut") == 0
    assert len(open_stage(str(tmp_path / "cut"), "cut_scenes").parts) == 2
