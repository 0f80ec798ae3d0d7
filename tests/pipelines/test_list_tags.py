"""``python -m pipelines.list_tags`` writes what ``trainer.expand --tags`` reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.list_tags import main
from tests.pipelines.sources.labelled.dumps_nvspeech import TAGS, write_nvspeech
from tests.pipelines.sources.labelled.ingesting import NAME, ingest
from trainer.tags import check_tags, read_tags


@pytest.fixture
def params(tmp_path: Path) -> str:
    """Parameters with an ingested NVSpeech."""
    write_nvspeech(tmp_path)
    ingest(tmp_path, {"kind": "nvspeech", "input": [str(tmp_path / "NVSpeech")]})
    return str(tmp_path / "params.yaml")


def test_the_list(params: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["--source", NAME, "--params", params]) == 0
    path = tmp_path / "out" / NAME / "tags.txt"
    assert capsys.readouterr().out == f"{path}: 5 tags, 7 times\n"
    assert path.read_text(encoding="utf-8") == "".join(f"{tag}\n" for tag in TAGS)
    assert check_tags(read_tags(str(path))) == list(TAGS)


def test_of_some_utterances_to_another_file(params: str, tmp_path: Path) -> None:
    path = tmp_path / "few.txt"
    flags = ["--source", NAME, "--params", params, "--limit", "1", "--output", str(path)]
    assert main(flags) == 0
    assert read_tags(str(path)) == ["[Laughter]", "[Question-oh]"]


def test_bad_usage_is_one_line(
    params: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def message(*flags: str) -> str:
        capsys.readouterr()
        assert main(["--params", params, *flags]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert "--source is missing" in message()
    assert "takes no runner flags" in message("--source", NAME, "--", "--x=1")
    nowhere = message("--source", NAME, "--input", str(tmp_path))
    assert "no finished stage there" in nowhere and "pipelines.ingest --source corpus" in nowhere
    path = tmp_path / "NVSpeech" / "train.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("[", "(").replace("]", ")"))
    ingest(tmp_path, {"kind": "nvspeech", "input": [str(tmp_path / "NVSpeech")]})
    assert "no transcript has a tag" in message("--source", NAME)
    assert not (tmp_path / "out" / NAME / "tags.txt").exists()
