"""``python -m pipelines.separate`` as a person runs it: killed, run again, on more workers."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipelines.separate import main
from pipelines.sound import load_sound
from schemas import StageFacts
from tests.pipelines.media_files import SAMPLE_VIDEOS, noise, write_wav
from tests.pipelines.stages.drama import episode, sentence
from tests.pipelines.stages.fetched import save_fetched

ROOT = Path(__file__).parents[2]
RATE = 44100
MULTIPROCESSING = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
_PATIENCE_S = 200


def write_params(folder: Path, **changes: object) -> Path:
    """params.yaml with places of the test's own, and changes of ``separate:``."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"root": str(folder / "data"), "results": str(folder / "results")}
    params["separate"] |= {"backend": "embedded", "device": "cpu"} | changes
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    return path


def fetched(folder: Path, seconds: list[float]) -> Path:
    """A fetch folder with an episode of the sample's sound for each of these lengths."""
    sound = load_sound(str(SAMPLE_VIDEOS[0]), RATE, 2)
    episodes = []
    for number, length in enumerate(seconds):
        path = folder / f"{number}.wav"
        write_wav(path, np.roll(sound, -number * RATE)[:, : round(length * RATE)], RATE, "PCM_16")
        episodes.append(
            episode(
                f"episode{number}",
                video_uri=str(path),
                duration=length,
                sentences=(
                    sentence(0.0, length / 2, id=f"{number}a"),
                    sentence(length / 2, length, id=f"{number}b"),
                ),
            )
        )
    save_fetched(folder / "fetch", episodes, per_part=2)
    return folder / "fetch"


def arguments(folder: Path, *more: str) -> list[str]:
    paths = ["--params", str(folder / "params.yaml"), "--input", str(folder / "fetch")]
    return ["--source", "wenetspeech", *paths, *more]


def run_facts(output: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(Path(f"{output}.run.json").read_text(encoding="utf-8"))
    return facts


def content(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def test_killed_in_the_middle_the_next_run_does_only_the_rest(tmp_path: Path) -> None:
    write_params(tmp_path)
    fetched(tmp_path, [3.0, 60.0, 3.5])
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.separate", *arguments(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    results, output = tmp_path / "results", tmp_path / "data" / "wenetspeech" / "separate"
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not list(results.rglob("*.json")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = content(results)
    done = sum(name.endswith(".json") for name in before)
    assert 1 <= done < 3
    assert not (output / "stage.json").exists()

    assert main(arguments(tmp_path)) == 0
    assert (run_facts(output)["stored"], run_facts(output)["computed"]) == (done, 3 - done)
    after = content(results)
    assert {name: after[name] for name in before} == before
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    assert (facts.rows_in, facts.rows_out) == (6, 6)
    # No trace of the killed run is in what the second one made.
    again = tmp_path / "again"
    again.mkdir()
    write_params(again)
    second = again / "separate"
    assert main(["--source", "wenetspeech", "--params", str(again / "params.yaml"), "--input",
                 str(tmp_path / "fetch"), "--output", str(second)]) == 0  # fmt: skip
    assert content(again / "results") == after
    assert run_facts(second)["computed"] == 3


def test_two_workers_make_the_same_bytes_as_one(tmp_path: Path) -> None:
    write_params(tmp_path)
    fetched(tmp_path, [1.0, 2.0, 1.5])
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(arguments(tmp_path, "--output", str(one))) == 0
    results = content(tmp_path / "results")
    for path in (tmp_path / "results").rglob("*.*"):
        path.unlink()
    assert main(arguments(tmp_path, "--output", str(two), "--", *MULTIPROCESSING)) == 0
    assert content(tmp_path / "results") == results
    assert content(two) == content(one)


def test_a_dry_run_tells_what_is_to_be_done_and_does_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_params(tmp_path)
    fetched(tmp_path, [1.0, 2.0, 1.5])
    assert main(arguments(tmp_path, "--dry-run")) == 0
    assert capsys.readouterr().out == (
        "3 episodes (0.00 h): 0 (0.00 h) are in the store, 3 (0.00 h) to separate with "
        "embedded:spleeter-2stems\n"
    )
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "results").exists()
    assert main(arguments(tmp_path, "--limit", "1")) == 0  # of each part: two of three
    capsys.readouterr()
    assert main(arguments(tmp_path, "--dry-run")) == 0
    assert capsys.readouterr().out.startswith("3 episodes (0.00 h): 2 (0.00 h) are in the store, 1")


def test_progress_is_told_in_sentences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_params(tmp_path)
    fetched(tmp_path, [1.0, 1.5])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.progress.LOG_EVERY_S", 0.0)
        assert main(arguments(tmp_path)) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("separate:")]
    told = [line.split(",")[0] for line in lines]
    assert told == [f"separate: {done} of 4 sentences" for done in (2, 2, 4, 4)]


@pytest.mark.parametrize(
    ("more", "changes", "said"),
    [
        ([], {"demucs": {"model": "x", "repository": "nowhere", "shifts": 0}}, "nowhere: no such"),
        (["--backend", "embedded", "--device", "cuda"], {}, "torch finds no GPU here"),
    ],
)
def test_what_cannot_work_is_said_before_any_work(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    changes: dict[str, object],
    said: str,
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    write_params(tmp_path, **changes, **({"backend": "demucs"} if changes else {}))
    fetched(tmp_path, [1.0])
    assert main(arguments(tmp_path, *more)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_weights_that_are_not_there_are_said_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = {"path": None, "package": "no_such_package", "file": "a", "hub": None, "sha256": "0"}
    write_params(tmp_path, embedded={"model": "m", "index": missing, "data": missing})
    write_wav(tmp_path / "0.wav", noise(0.1, RATE), RATE)
    fetched(tmp_path, [1.0])
    assert main(arguments(tmp_path)) == 2
    assert "no_such_package" in capsys.readouterr().err


def test_overlap_that_leaves_nothing_between_chunks_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_params(tmp_path, chunk_s=2.0, overlap_s=1.5)
    fetched(tmp_path, [1.0])
    assert main(arguments(tmp_path)) == 2
    assert "separate" in capsys.readouterr().err
