"""``python -m pipelines.diarize`` as a person runs it: killed, run again, with pyannote."""

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
import soundfile
import yaml

from pipelines.diarize import main
from pipelines.sound import load_sound
from schemas import StageFacts
from tests.pipelines.media_files import TRUE_VOCALS
from tests.pipelines.pyannote_folder import make_pipeline
from tests.pipelines.stages.drama import episode, sentence
from tests.pipelines.stages.fetched import episodes_in, save_fetched

ROOT = Path(__file__).parents[2]
RATE = 16_000
MULTIPROCESSING = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
_PATIENCE_S = 200


def write_params(folder: Path, **changes: object) -> Path:
    """params.yaml with places of the test's own, and changes of ``diarize:``."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"root": str(folder / "data"), "results": str(folder / "results")}
    params["diarize"] |= {"backend": "embedded", "device": "cpu"} | changes
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    return path


def separated(folder: Path, seconds: list[float]) -> Path:
    """A separate folder with an episode of true vocals for each of these lengths."""
    sound = load_sound(str(TRUE_VOCALS), RATE, 1)[0]
    episodes = []
    for number, length in enumerate(seconds):
        path = folder / f"{number}.flac"
        repeated = np.tile(np.roll(sound, -number * RATE), 1 + int(length * RATE / len(sound)))
        soundfile.write(path, repeated[: round(length * RATE)], RATE, subtype="PCM_16")
        half = length / 2
        lines = (sentence(0.0, half, id=f"{number}a"), sentence(half, length, id=f"{number}b"))
        episodes.append(
            episode(f"ep{number}", vocals_uri=str(path), duration=length, sentences=lines)
        )
    save_fetched(folder / "separate", episodes, per_part=2)
    return folder / "separate"


def arguments(folder: Path, *more: str) -> list[str]:
    paths = ["--params", str(folder / "params.yaml"), "--input", str(folder / "separate")]
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
    separated(tmp_path, [5.0, 78.0, 6.0])
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.diarize", *arguments(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    results, output = tmp_path / "results", tmp_path / "data" / "wenetspeech" / "diarize"
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not list(results.rglob("*.rttm")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = content(results)
    done = sum(name.endswith(".rttm") for name in before)
    assert 1 <= done < 3
    assert not (output / "stage.json").exists()

    assert main(arguments(tmp_path)) == 0
    assert (run_facts(output)["stored"], run_facts(output)["computed"]) == (done, 3 - done)
    after = content(results)
    assert {name: after[name] for name in before} == before
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    assert (facts.rows_in, facts.rows_out) == (6, 6)
    made = content(output)
    assert sorted(path.name for path in (output / "rttm").iterdir()) == [
        f"ep{number}.rttm" for number in range(3)
    ]

    assert main(arguments(tmp_path)) == 0
    assert run_facts(output)["stored"] == 3
    assert "computed" not in run_facts(output)
    assert content(output) == made
    assert content(results) == after


def test_two_workers_make_the_same_bytes_as_one(tmp_path: Path) -> None:
    write_params(tmp_path)
    separated(tmp_path, [4.0, 9.0, 5.0])
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
    separated(tmp_path, [4.0, 9.0, 5.0])
    assert main(arguments(tmp_path, "--dry-run")) == 0
    assert capsys.readouterr().out == (
        "3 episodes (0.01 h): 0 (0.00 h) are in the store, 3 (0.01 h) to diarize with "
        "embedded:silero+campplus\n"
    )
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "results").exists()
    assert main(arguments(tmp_path, "--limit", "1")) == 0  # of each part: two of three
    capsys.readouterr()
    assert main(arguments(tmp_path, "--dry-run")) == 0
    assert capsys.readouterr().out.startswith("3 episodes (0.01 h): 2 (0.00 h) are in the store, 1")


@pytest.mark.filterwarnings("ignore:At least one mel filterbank")
def test_pyannote_diarizes_through_beam(tmp_path: Path) -> None:
    folder = make_pipeline(tmp_path / "pipeline")
    own = {"pipeline": str(folder), "revision": None, "link_distance": 0.25}
    write_params(tmp_path, pyannote=own, chunk_s=8.0)
    separated(tmp_path, [12.0])
    output = tmp_path / "out"
    given = arguments(tmp_path, "--backend", "pyannote", "--output", str(output))
    assert main(given) == 0
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    assert facts.backend == "pyannote:pipeline"
    (found,) = episodes_in(output)
    assert found.speech_turns
    assert all(one.speaker is not None for one in found.sentences)
    assert main(given) == 0
    assert "computed" not in run_facts(output)


@pytest.mark.parametrize(
    ("more", "changes", "said"),
    [
        (["--backend", "pyannote"], {"pipeline": "no/where/x"}, "no/where/x: no such folder"),
        (["--device", "cuda"], {}, "torch finds no GPU here"),
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
    own = {"pipeline": "x/y", "revision": None, "link_distance": 0.25} | changes
    write_params(tmp_path, pyannote=own)
    separated(tmp_path, [1.0])
    assert main(arguments(tmp_path, *more)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_before_separate_has_finished_there_is_a_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_params(tmp_path)
    assert main(arguments(tmp_path)) == 2
    assert "run python -m pipelines.separate --source wenetspeech" in capsys.readouterr().err
