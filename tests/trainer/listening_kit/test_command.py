"""``python -m trainer.listen``: exit status, one line of error, a help that is light."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.demo import ROOT
from tests.trainer.listening_kit.answers import honest, write_answers
from tests.trainer.listening_kit.clips import write_clips
from trainer.listen import CONFIG, main
from trainer.listening.key import read_key
from trainer.listening.settings import ListenSettings
from trainer.metrics.measurement import read_measurements
from trainer.settings import load_settings


def listen(*arguments: str) -> int:
    return main(list(arguments))


def make(folder: Path, *more: str, test: str = "q_mos") -> int:
    config = ["--config", str(ROOT / CONFIG)]
    clips = ["--clips", str(folder / "clips.jsonl"), "--output", str(folder / "out")]
    return listen("make", "--test", test, *clips, *config, *more)


def test_from_a_table_to_measurements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clips(tmp_path, cases=6, languages=("en", "zh"), told={"wer": 4.5})
    assert make(tmp_path) == 0
    said = capsys.readouterr().out
    assert "columns that are not used: wer" in said
    assert (
        "q_mos: 30 items with 3 ratings each, and 2 gold items; 12 sheets of 9 to 10 items" in said
    )
    key = read_key(tmp_path / "out" / "key.json")
    paths = write_answers(tmp_path / "back", key, *[honest(float(1 + n % 5)) for n in range(12)])
    output = tmp_path / "found"
    arguments = ["--key", str(tmp_path / "out" / "key.json"), "--output", str(output)]
    assert listen("analyse", "--ratings", *map(str, paths), *arguments) == 0
    said = capsys.readouterr().out
    assert "raters: 12 sheets, 12 came back, 0 left out by gold items, 12 counted" in said
    found = read_measurements(output / "measurements.jsonl")
    assert {(m.metric, m.count) for m in found} == {("q_mos", 5)} and len(found) == 6
    for one in found:
        assert one.value is not None and one.low is not None and one.high is not None
        assert f"{one.value:.2f}" in said and f"± {one.value - one.low:.2f}" in said


def test_errors_are_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path)
    for arguments, message in {
        (): "4 cases that all of cosyvoice2, flexivoice_s2, ground_truth have, 5 wanted",
        ("--set", "cases=null", "--set", "raters=2"): "3 ratings of every clip need as many raters",
        ("--set", "cases=null", "--set", "gold.items=9"): "gold.items: 9 need as many cases",
        ("--set", "cases=null", "--audio", str(tmp_path / "audio")): "cannot be read",
    }.items():
        assert make(tmp_path, *arguments) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1 and message in said
    assert not (tmp_path / "out").exists()
    assert make(tmp_path, "--set", "cases=null") == 0
    key = read_key(tmp_path / "out" / "key.json")
    (path,) = write_answers(tmp_path / "back", key, honest(5))
    content = json.loads(path.read_text())
    content["ratings"][0]["rating"] = 7
    path.write_text(json.dumps(content))
    more = ["--key", str(tmp_path / "out/key.json"), "--output", str(tmp_path / "found")]
    capsys.readouterr()
    assert listen("analyse", "--ratings", str(path), *more) == 2
    item = content["ratings"][0]["item"]
    assert f"{path}: item {item}: 7 is not on the scale" in capsys.readouterr().err
    assert not (tmp_path / "found").exists()


def test_raters_who_all_fail_are_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path)
    assert make(tmp_path, "--set", "cases=null") == 0
    key = read_key(tmp_path / "out" / "key.json")
    (path,) = write_answers(tmp_path / "back", key, lambda item: 5.0)
    more = ["--key", str(tmp_path / "out/key.json"), "--output", str(tmp_path / "found")]
    assert listen("analyse", "--ratings", str(path), *more) == 1
    assert "listen to the gold items" in capsys.readouterr().err


def test_the_configuration_is_the_papers() -> None:
    found = load_settings(str(ROOT / CONFIG), ListenSettings)
    assert (found.ratings_per_clip, found.cases, found.baseline) == (3, 5, "ground_truth")


@pytest.mark.parametrize("verb", [(), ("make",), ("analyse",)])
def test_help_is_light(verb: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom trainer.listen import main\n"
        f"try:\n    main([*{verb!r}, '--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'torch', 'numpy', 'pyarrow', 'scipy', 'soundfile', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and done.stdout.startswith("usage: python -m trainer.listen")
    assert verb or "examples:" in done.stdout
