"""Exported folders through the real loaders, `datasets` and `webdataset`, audio decoded."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pyarrow.parquet as pq
import pytest
import soundfile
import yaml

from manifests.export import main
from tests.manifests.corpus import UNANNOTATED, row, tone, write_facts, write_shards
from tests.manifests.test_validate_scenes import scene
from tests.manifests.test_validate_scenes import write as write_scenes

OPEN, CLOSED = "CC-BY-4.0", "CC-BY-NC-4.0"


def utterances(folder: Path) -> list[tuple[dict[str, Any], bytes]]:
    """Seven utterances in shards of three; every second may be used by anyone."""
    rows = []
    for number in range(7):
        audio = tone(0.5 + number / 10, number)
        changes: dict[str, object] = {"licence": OPEN if number % 2 else CLOSED}
        if number == 3:
            changes |= UNANNOTATED
        if number == 4:
            changes["tags"] = ("late|night", "radio")
        rows.append((row(f"A.{number}", audio, **changes), audio))
    write_shards(str(folder), rows, 3)
    return rows


def load(folder: Path, split: str, cache: Path) -> Any:  # noqa: ANN401
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(folder), split=split, cache_dir=str(cache))
    assert isinstance(loaded.features["audio"], datasets.Audio)
    # `datasets` decodes with torchcodec, which needs FFmpeg: the bytes are decoded here instead.
    return loaded.cast_column("audio", datasets.Audio(decode=False))


def test_datasets_loads_utterances_as_they_were(tmp_path: Path) -> None:
    rows = utterances(tmp_path / "emit")
    output = tmp_path / "hub"
    assert main(["--input", str(tmp_path / "emit"), "--output", str(output)]) == 0
    found = list(load(output, "train", tmp_path / "cache"))
    assert [one["id"] for one in found] == [fields["id"] for fields, _ in rows]
    for one, (fields, audio) in zip(found, rows, strict=True):
        assert one["audio"]["bytes"] == audio
        samples, rate = soundfile.read(io.BytesIO(one["audio"]["bytes"]))
        assert rate == one["sample_rate_hz"] and len(samples) / rate == one["duration"]
        assert (one["text"], one["licence"]) == (fields["text"], fields["licence"])
        assert one["instruction_default"] == (fields["instruction"] is None)
    assert found[4]["tags"] == ["late|night", "radio"]


def test_webdataset_loads_the_same(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    rows = utterances(tmp_path / "emit")
    output = tmp_path / "hub"
    arguments = ["--format", "webdataset", "--input", str(tmp_path / "emit")]
    assert main([*arguments, "--output", str(output)]) == 0
    files = sorted(str(path) for path in (output / "data" / "train").iterdir())
    assert len(files) == 3
    found = list(webdataset.WebDataset(files, shardshuffle=False))
    assert [json.loads(one["json"])["id"] for one in found] == [fields["id"] for fields, _ in rows]
    assert [one["wav"] for one in found] == [audio for _, audio in rows]


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_scenes_keep_their_splits_turns_and_profiles(tmp_path: Path, form: str) -> None:
    parts = {
        "train": [scene(f"Y{n}", "train") for n in range(3)],
        "test": [scene("Y7", "test")],
    }
    write_scenes(tmp_path / "emit", parts)
    output = tmp_path / "hub"
    arguments = ["--format", form, "--input", str(tmp_path / "emit"), "--output", str(output)]
    assert main(arguments) == 0
    header = yaml.safe_load((output / "README.md").read_text().split("---")[1])
    assert [one["split"] for one in header["configs"][0]["data_files"]] == ["test", "train"]
    if form == "parquet":
        train = list(load(output, "train", tmp_path / "cache"))
        (test,) = load(output, "test", tmp_path / "cache")
    else:
        webdataset = pytest.importorskip("webdataset")
        files = sorted(str(path) for path in (output / "data" / "train").iterdir())
        stream = webdataset.WebDataset(files, shardshuffle=False)
        train = [json.loads(one["json"]) for one in stream]
        (path,) = (output / "data" / "test").iterdir()
        (test,) = [
            json.loads(one["json"])
            for one in webdataset.WebDataset([str(path)], shardshuffle=False)
        ]
    assert len(train) == 3 and test["recording_id"] != train[0]["recording_id"]
    turns = train[0]["turns"]
    assert [turn["start"] for turn in turns] == [0.0, 2.5, 5.0]
    assert {turn["speaker"] for turn in turns} <= {one["speaker"] for one in train[0]["profiles"]}


def test_licences_filter_and_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    utterances(tmp_path / "emit")
    output = tmp_path / "hub"
    arguments = ["--input", str(tmp_path / "emit"), "--output", str(output), "--licences", OPEN]
    assert main(arguments) == 0
    assert "4 left out by licence" in capsys.readouterr().out
    tables = [pq.read_table(path) for path in sorted((output / "data" / "train").iterdir())]
    assert {one for table in tables for one in table.column("licence").to_pylist()} == {OPEN}
    assert sum(len(table) for table in tables) == 3
    counts = json.loads((output / "export.json").read_text())
    assert counts["rows"] == {"train": 3} and counts["left_out"] == {CLOSED: 4}
    card = (output / "README.md").read_text()
    assert yaml.safe_load(card.split("---")[1])["license"] == "cc-by-4.0"
    assert f"- {CLOSED}: 4 rows" in card


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_the_same_shards_give_the_same_bytes(tmp_path: Path, form: str) -> None:
    utterances(tmp_path / "emit")
    contents = []
    for name in ("one", "two"):
        output = tmp_path / name
        arguments = ["--input", str(tmp_path / "emit"), "--output", str(output)]
        assert main([*arguments, "--format", form]) == 0
        files = sorted(path for path in output.rglob("*") if path.is_file())
        contents.append({str(p.relative_to(output)): p.read_bytes() for p in files})
    assert contents[0] == contents[1]


def test_what_cannot_be_exported_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    utterances(tmp_path / "emit")
    write_scenes(tmp_path / "scenes", {"train": [scene("Y1", "train")]})
    write_facts(str(tmp_path / "select"), 3, stage="select")
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("keep")
    emit = str(tmp_path / "emit")
    for arguments, status, message in (
        (["--input", str(tmp_path / "none")], 2, "stage.json is missing; run pipelines.emit"),
        (["--input", str(tmp_path / "select")], 2, "is the output of select, not of emit"),
        (["--input", emit, str(tmp_path / "scenes")], 2, "export them apart"),
        (["--input", emit, emit], 2, "two inputs of one source: emilia, emilia"),
        (["--input", emit, "--licences", "MIT"], 2, f"there is: {OPEN}, {CLOSED}"),
        (["--input", emit, "--output", str(full)], 2, "is not empty"),
    ):
        given = arguments if "--output" in arguments else [*arguments, "--output", "out"]
        assert main([*given[:-1], str(tmp_path / given[-1])]) == status
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    assert (full / "mine.txt").read_text() == "keep"


def test_a_damaged_shard_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    utterances(tmp_path / "emit")
    tar = tmp_path / "emit" / "shar" / "recording.000001.tar"
    tar.write_bytes(tar.read_bytes()[:3000])
    assert main(["--input", str(tmp_path / "emit"), "--output", str(tmp_path / "hub")]) == 1
    error = capsys.readouterr().err
    assert "000001" in error and "what was written before is in" in error
    assert sorted(path.name for path in (tmp_path / "hub" / "data" / "train").iterdir()) == [
        "emilia-000000.parquet"
    ]
