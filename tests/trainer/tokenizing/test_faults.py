from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.emitted import game_lines
from tests.trainer.tokenizing.running import contents, run
from trainer.tokenize import main

ROOT = Path(__file__).parents[3]


def test_a_damaged_shard_fails_and_keeps_what_was_done(
    codec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    game_lines(tmp_path / "emit", lines=8)
    tar = tmp_path / "emit" / "shar" / "recording.000001.tar"
    tar.write_bytes(tar.read_bytes()[:5000])
    assert run(tmp_path / "emit", tmp_path / "out", codec) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ") and "000001" in error and "\n" not in error
    assert sorted(path.name for path in (tmp_path / "out" / "done").iterdir()) == ["000000.json"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--input", "{emit}"], "give one --input and one --output"),
        (["--input", "{emit}", "{emit}", "--output", "{out}"], "give one --input"),
        (["--input", "{nowhere}", "--output", "{out}"], "give the output folder of emit"),
        (["--input", "{emit}", "--output", "{emit}"], "a folder of their own"),
        (["--input", "{emit}", "--output", "{out}", "--set", "batchs=3"], "batchs: Extra inputs"),
        (
            ["--input", "{emit}", "--output", "{out}", "--set", "batch_s=-1"],
            "batch_s: Input should",
        ),
        (
            ["--input", "{emit}", "--output", "{out}", "--config", "no.yaml"],
            "no.yaml: No such file",
        ),
        (["--fit", "--input", "{emit}", "--tokenizer", "s3:v2_25hz"], "only a k-means codec"),
        (["--fit", "--input", "{nowhere}"], "no shards there"),
    ],
)
def test_bad_usage_is_one_line(
    arguments: list[str],
    said: str,
    emitted: Path,
    codec: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"emit": emitted, "out": tmp_path / "out", "nowhere": tmp_path / "nowhere"}
    filled = [argument.format(**places) for argument in arguments]
    assert main(["--tokenizer", codec, *filled]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ") and said in error and "\n" not in error
    assert not (tmp_path / "out").exists()


def test_codes_of_two_tokenizers_do_not_mix(
    emitted: Path, codec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = f"kmeans:{tmp_path / 'other.safetensors'}"
    small = ["--set", "fit.clusters=32", "--set", "fit.iterations=2"]
    assert main(["--fit", "--tokenizer", other, "--input", str(emitted), *small]) == 0
    assert run(emitted, tmp_path / "out", codec) == 0
    capsys.readouterr()
    assert run(emitted, tmp_path / "out", other) == 2
    assert "has codes of kmeans-64@25Hz" in capsys.readouterr().err


def test_codes_of_another_input_are_not_overwritten(
    emitted: Path, codec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(emitted, tmp_path / "out", codec) == 0
    game_lines(tmp_path / "less", lines=4)
    capsys.readouterr()
    assert run(tmp_path / "less", tmp_path / "out", codec) == 2
    assert "has shard 1, which" in capsys.readouterr().err


def test_a_dry_run_does_nothing(
    emitted: Path, codec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(emitted, tmp_path / "out", codec, "--dry-run") == 0
    assert "6 of 6 shards, 0 of them have some already" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_large_corpus_is_sampled_by_cut(emitted: Path, tmp_path: Path) -> None:
    name = f"kmeans:{tmp_path / 'c.safetensors'}"
    few = ["--set", "fit.clusters=16", "--set", "fit.max_frames=40", "--set", "fit.iterations=3"]
    assert main(["--fit", "--tokenizer", name, "--input", str(emitted), *few]) == 0
    first = Path(name.removeprefix("kmeans:")).read_bytes()
    shutil.copytree(emitted, tmp_path / "copy")
    assert main(["--fit", "--tokenizer", name, "--input", str(tmp_path / "copy"), *few]) == 0
    assert Path(name.removeprefix("kmeans:")).read_bytes() == first


def test_records_of_finished_shards_that_are_damaged_count_as_none(
    emitted: Path, codec: str, tmp_path: Path
) -> None:
    assert run(emitted, tmp_path / "out", codec) == 0
    expected = contents(tmp_path / "out")
    (tmp_path / "out" / "done" / "000000.json").write_text(json.dumps({"origin": 1}))
    (tmp_path / "out" / "done" / "000001.json").write_text("[]")
    assert run(emitted, tmp_path / "out", codec) == 0
    assert contents(tmp_path / "out") == expected


@pytest.mark.parametrize("command", ["tokenize", "expand"])
def test_help_is_light(command: str) -> None:
    code = (
        f"import sys\nfrom trainer.{command} import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'torch', 'lhotse', 'transformers', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "examples:" in done.stdout and done.stderr == ""
