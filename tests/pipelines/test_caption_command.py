"""``python -m pipelines.caption`` as a person runs it, on the two real videos."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.caption import main
from schemas import EpisodeScene, StageFacts, record_of
from tests.pipelines.stages.drama_scenes import both_episodes, save_cut

ROOT = Path(__file__).parents[2]
MULTIPROCESSING = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


def write_params(folder: Path, **caption: object) -> Path:
    """params.yaml with places of the test's own, and changes of ``caption:``."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"results": str(folder / "results"), "journals": str(folder / "journals")}
    params["caption"] |= {"backend": "embedded", "device": "cpu"} | caption
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    return path


def arguments(params: Path, cut: Path, output: Path, *more: str) -> list[str]:
    paths = ["--params", str(params), "--input", str(cut), "--output", str(output)]
    return ["--source", "wenetspeech", *paths, *more]


def content(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def scenes_in(folder: Path) -> list[EpisodeScene]:
    parts = sorted(folder.glob("part-*.parquet"))
    return [record_of(EpisodeScene, row) for p in parts for row in pq.read_table(p).to_pylist()]


def facts_of(folder: Path) -> StageFacts:
    return StageFacts.from_json((folder / "stage.json").read_text(encoding="utf-8"))


def run_facts(folder: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads(Path(f"{folder}.run.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """Both episodes, cut into scenes, a part each."""
    return save_cut(tmp_path / "cut", both_episodes())


def test_every_scene_gets_a_caption_that_names_who_wrote_it(
    cut: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "caption"
    assert main(arguments(write_params(tmp_path), cut, output)) == 0
    assert capsys.readouterr().out.startswith(
        "caption wenetspeech: 51 in, 51 out, 0 rejected, 0.04 h out, by embedded:measured-facts/1\n"
    )
    scenes, facts = scenes_in(output), facts_of(output)
    before = scenes_in(cut)
    assert [(scene.id, scene.sentences) for scene in scenes] == [
        (scene.id, scene.sentences) for scene in before
    ]
    assert {scene.caption_backend for scene in scenes} == {"embedded:measured-facts/1"}
    assert facts.backend == "embedded:measured-facts/1"
    assert (facts.counts["audios_out"], facts.counts["scenes"]) == (2, 10)
    assert run_facts(output)["computed"] == 10


def test_scenes_that_look_different_are_described_differently(cut: Path, tmp_path: Path) -> None:
    output = tmp_path / "caption"
    assert main(arguments(write_params(tmp_path), cut, output)) == 0
    kitchen, living, still_living, night, bedroom, outdoor, dim_shop, shop, dusk, rain = (
        scene.caption or "" for scene in scenes_in(output)
    )
    assert living == still_living  # the cap cut there, and the picture went on
    assert len({kitchen, living, night, bedroom, outdoor, dim_shop, shop, dusk, rain}) == 9
    assert "bright" in kitchen and "warm" in kitchen and "changes once" in kitchen
    assert "mostly red" in living and "warm" in living and "the view stays" in living
    assert "dark" in night and "black" in night
    assert "dark" in bedroom and "muted" in bedroom
    assert "bright" in outdoor and "mostly blue, then green" in outdoor
    assert "dim" in dim_shop and "brown" in dim_shop
    assert "bright" in shop and "beige" in shop
    assert "changes once" in dusk
    assert "dark" in rain and "blue" in rain and "much of it moves" in rain


def test_captions_are_written_in_chinese_where_that_is_asked(cut: Path, tmp_path: Path) -> None:
    output = tmp_path / "caption"
    assert main(arguments(write_params(tmp_path, language="zh"), cut, output)) == 0
    assert all("画面" in (scene.caption or "") for scene in scenes_in(output))


def test_a_second_run_computes_nothing_and_writes_the_same_bytes(cut: Path, tmp_path: Path) -> None:
    params, output = write_params(tmp_path), tmp_path / "caption"
    assert main(arguments(params, cut, output)) == 0
    first = content(output)
    assert main(arguments(params, cut, output)) == 0
    assert (run_facts(output)["computed"], run_facts(output)["stored"]) == (0, 10)
    assert content(output) == first


def test_the_bytes_do_not_depend_on_the_number_of_workers(cut: Path, tmp_path: Path) -> None:
    outputs: list[Path] = []
    for flags in ([], ["--", *MULTIPROCESSING]):
        folder = tmp_path / f"workers{len(outputs)}"
        folder.mkdir()
        outputs.append(folder / "caption")
        assert main(arguments(write_params(folder), cut, outputs[-1], *flags)) == 0
    assert content(outputs[0]) == content(outputs[1])


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    cut = save_cut(tmp_path / "cut", both_episodes(one_part=True))
    params, output = write_params(tmp_path, frames=64), tmp_path / "caption"
    command = [sys.executable, "-m", "pipelines.caption", *arguments(params, cut, output)]
    process = subprocess.Popen(command, cwd=ROOT)
    store, deadline = tmp_path / "results", time.monotonic() + 240
    while len(list(store.rglob("*.json"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    finished = len(list(store.rglob("*.json")))
    assert 3 <= finished < 10
    assert not (output / "stage.json").exists()
    assert main(arguments(params, cut, output)) == 0
    assert (run_facts(output)["stored"], run_facts(output)["computed"]) == (finished, 10 - finished)
    killed = content(output)
    (tmp_path / "fresh").mkdir()
    fresh = write_params(tmp_path / "fresh", frames=64)
    assert main(arguments(fresh, cut, tmp_path / "fresh" / "caption")) == 0
    assert content(tmp_path / "fresh" / "caption") == killed


def test_a_dry_run_says_what_is_left_and_leaves_nothing(
    cut: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params, output = write_params(tmp_path), tmp_path / "caption"
    assert main(arguments(params, cut, output, "--dry-run")) == 0
    assert "10 scenes, 0 in the store, 10 to compute" in capsys.readouterr().out
    assert main(arguments(params, cut, output, "--dry-run", "--backend", "openai")) == 0
    assert "10 calls to make, about 2" in capsys.readouterr().out
    assert not output.exists()
    assert not (tmp_path / "journals").exists()
    assert not (tmp_path / "results").exists()


def test_limit_is_a_number_of_scenes_a_part(cut: Path, tmp_path: Path) -> None:
    output = tmp_path / "caption"
    assert main(arguments(write_params(tmp_path), cut, output, "--limit", "2")) == 0
    assert facts_of(output).counts["scenes"] == 4


@pytest.mark.parametrize(
    ("flags", "changes", "message"),
    [
        (["--backend", "openai"], {}, "no API key: set CHAT_API_KEY"),
        ([], {"language": "fr"}, "caption.language fr: the embedded captioner writes en and zh"),
        (["--backend", "openai"], {"language": "xx"}, "caption.language xx: not one of de, en"),
        (["--backend", "openai"], {"prompts": {"openai": "v99"}}, "no prompt prompts/scene"),
        (
            ["--backend", "openai", "--base-url", "ftp://x"],
            {},
            "base_url: Value error, not an http",
        ),
        (["--backend", "openai", "--max-cost", "1"], {}, "--max-cost needs the price of"),
        (
            ["--backend", "openai", "--max-in-flight", "0"],
            {},
            "caption settings: max_in_flight: Input should be greater",
        ),
        (["--backend", "transformers", "--model", "{empty}"], {}, "caption.transformers.model"),
        (["--base-url", "http://x/v1"], {}, "--base-url has no effect with the backend embedded"),
        (["--max-cost", "3"], {}, "--max-cost has no effect with the backend embedded"),
        (["--model", "Qwen/Some"], {}, "--model has no effect with the backend embedded"),
    ],
)
def test_bad_usage_is_one_line_before_any_work(
    flags: list[str],
    changes: dict[str, object],
    message: str,
    cut: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    flags = [flag.replace("{empty}", str(tmp_path / "empty")) for flag in flags]
    output = tmp_path / "caption"
    assert main(arguments(write_params(tmp_path, **changes), cut, output, *flags)) == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1
    assert not output.exists()


def test_a_video_that_is_gone_is_a_failure_and_no_rejection(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    episode = replace(both_episodes()[0][0], video_uri=str(tmp_path / "gone.mp4"))
    cut = save_cut(tmp_path / "cut", [[episode]])
    assert main(arguments(write_params(tmp_path), cut, tmp_path / "caption")) == 1
    assert "gone.mp4: cannot be read" in (told := capsys.readouterr().err)
    assert "run `python -m pipelines.fetch` again" in told
