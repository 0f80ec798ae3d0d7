"""ParaSpeechCaps: rows find their audio in four corpora; tags become labels, captions stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipelines.sources.labelled.dumps_paraspeechcaps import (
    CLIPS,
    ROWS,
    caption,
    roots,
    write_paraspeechcaps,
    write_rows,
)
from tests.pipelines.sources.labelled.ingesting import ingest, run

EXPRESSO, VOXCELEB, EARS = (
    f"{source}/{CLIPS[source].removesuffix('.wav')}" for source in ("expresso", "voxceleb", "ears")
)


def settings(folder: Path, **changes: object) -> dict[str, Any]:
    return {
        "kind": "paraspeechcaps",
        "input": [str(folder / "ParaSpeechCaps")],
        "roots": roots(folder),
        **changes,
    }


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_the_training_splits(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_paraspeechcaps(tmp_path, form=form)
    found = ingest(tmp_path, settings(tmp_path))
    assert capsys.readouterr().out == "ingest corpus: 4 in, 4 out, 0 rejected, 0.00 h out\n"
    row = next(row for row in found.rows if row["id"] == EXPRESSO)
    assert row["text"] == "Is it over already, expresso?"
    assert row["speaker"] == "expresso_speaker"
    assert row["language"] == "en"
    assert row["audio_uri"] == str(tmp_path / "audio" / "expresso" / CLIPS["expresso"])
    assert row["description"] == "A man speaks happily.\nA flowing, happy male voice."
    assert found.labels(EXPRESSO) == {
        "accent": ["american"],
        "gender": ["male"],
        "intrinsic_tag": ["deep", "flowing"],
        "noise": ["very clean environment"],
        "pitch": ["low-pitched"],
        "situational_tag": ["happy"],
        "speaking_rate": ["measured speed"],
    }
    assert not {"accent", "situational_tag"} & set(found.labels(VOXCELEB))  # null there


def test_both_forms_give_the_same(tmp_path: Path) -> None:
    write_paraspeechcaps(tmp_path / "a", form="parquet")
    write_paraspeechcaps(tmp_path / "a", form="jsonl")
    same = {"roots": roots(tmp_path / "a"), "input": [str(tmp_path / "a" / "ParaSpeechCaps")]}
    found = ingest(tmp_path, settings(tmp_path, **same))
    assert found.facts.rows_in == 8
    assert found.facts.rejected == {"duplicate_id": 4}


def test_other_splits_and_features(tmp_path: Path) -> None:
    write_paraspeechcaps(tmp_path)
    assert ingest(tmp_path, settings(tmp_path, splits=["dev"])).facts.rows_out == 1
    all_of_them = ingest(tmp_path, settings(tmp_path, splits=None))
    assert all_of_them.facts.rows_in == 5
    assert all_of_them.facts.rejected == {"duplicate_id": 1}  # dev has a clip of train_base
    features = {"utterance_pitch_mean": "pitch_hz", "basic_tags": "tag", "gender": "gender"}
    words = {"gender": {"male": "man", "female": "woman"}}
    found = ingest(tmp_path, settings(tmp_path, features=features, words=words))
    assert found.labels(VOXCELEB) == {
        "gender": ["man"],
        "pitch_hz": ["101.25"],
        "tag": ["male", "measured speed"],
    }


def test_a_name_without_split_is_of_its_folders(tmp_path: Path) -> None:
    root = write_paraspeechcaps(tmp_path)
    for path in (root / "data").glob("*.parquet"):
        inside = root / "default" / path.name.split("-")[0]
        inside.mkdir(parents=True)
        path.rename(inside / "0000.parquet")
    assert ingest(tmp_path, settings(tmp_path)).facts.rows_out == 4


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_every_fault_is_counted(tmp_path: Path, form: str) -> None:
    root = write_paraspeechcaps(tmp_path, form=form)
    gone, unsafe, empty = "gone/1.wav", "../../secret.wav", "empty.wav"
    (tmp_path / "audio" / "ears" / empty).write_bytes(b"")
    rows = [
        caption("ears"),
        caption("ears", transcription="The same clip again."),
        caption("ears", relative_audio_path=gone),
        caption("ears", relative_audio_path=unsafe),
        caption("ears", relative_audio_path=empty),
        caption("ears", relative_audio_path=None),
        caption("ears", relative_audio_path="a.wav", transcription=None),
        caption("ears", relative_audio_path="b.wav", transcription=""),
        caption("ears", relative_audio_path="c.wav", speakerid=None),
        caption("voxceleb"),
    ]
    name = f"train_base-00000-of-00001.{form}"
    write_rows(root / "data" / name, rows)
    with_one = settings(tmp_path, splits=["train_base"], sources=["EARS"])
    found = ingest(tmp_path, with_one)
    assert found.facts.rows_in == len(rows)
    number = 5 + (form == "jsonl")
    assert found.reasons == {
        EARS: "duplicate_id",
        "ears/gone/1": "audio_missing",
        "ears/../../secret": "member_unsafe",
        "ears/empty": "audio_empty",
        f"{name}:{number}": "field_invalid",
        "ears/a": "transcript_missing",
        "ears/b": "text_empty",
        "ears/c": "speaker_missing",
        VOXCELEB: "source_not_wanted",
    }


def test_broken_json_lines_are_counted(tmp_path: Path) -> None:
    root = write_paraspeechcaps(tmp_path, form="jsonl")
    path = root / "data" / "train_base-00000-of-00001.jsonl"
    short = {key: value for key, value in caption("ears").items() if key != "accent"}
    write_rows(root / "data" / "short.jsonl", [short])
    lines = [b'{"source": ', b"[1]", b'"\xff"', b"", (root / "data" / "short.jsonl").read_bytes()]
    path.write_bytes(path.read_bytes() + b"\n".join(lines))
    found = ingest(tmp_path, settings(tmp_path, splits=["train_base"]))
    stem = "train_base-00000-of-00001"
    assert found.reasons == {
        f"{stem}:4": "transcript_invalid",
        f"{stem}:5": "transcript_invalid",
        f"{stem}:6": "transcript_invalid",
        f"{stem}:8": "field_invalid",
    }
    told = {one["record_id"]: one["detail"] for one in found.rejections}
    assert told[f"{stem}:8"] == "no field accent; settings: features"
    assert found.facts.rows_out == len(ROWS["train_base"])


def test_values_of_a_wrong_kind_are_counted(tmp_path: Path) -> None:
    root = write_paraspeechcaps(tmp_path, form="jsonl")
    wrong = [
        caption("ears", relative_audio_path="d.wav", pitch={"mean": 1}),
        caption("ears", relative_audio_path="e.wav", text_description=[["nested"]]),
        caption("ears", relative_audio_path="f.wav", transcription=7),
        caption("ears", relative_audio_path=7),
        caption("ears", relative_audio_path="g.wav", speakerid=False),
        caption("ears", source=None),
    ]
    write_rows(root / "data" / "train_base-00000-of-00001.jsonl", wrong)
    found = ingest(tmp_path, settings(tmp_path, splits=["train_base"]))
    assert found.facts.rejected == {"field_invalid": len(wrong)}


def test_a_source_without_a_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_paraspeechcaps(tmp_path)
    assert run(tmp_path, settings(tmp_path, roots={})) == 2
    assert "set roots of this source" in capsys.readouterr().err
    some = {source: root for source, root in roots(tmp_path).items() if source != "voxceleb"}
    assert run(tmp_path, settings(tmp_path, roots=some)) == 1
    message = capsys.readouterr().err
    assert "train_base-00000-of-00001.parquet:0: no folder for the audio of 'voxceleb'" in message
    assert "set roots.voxceleb of this source, or sources without it" in message
    assert run(tmp_path, settings(tmp_path, roots=some, sources=["voxceleb", "ears"])) == 2
    assert "no folder for the audio of 'voxceleb'" in capsys.readouterr().err
    missing = {**roots(tmp_path), "ears": str(tmp_path / "nowhere")}
    assert run(tmp_path, settings(tmp_path, roots=missing)) == 2
    assert "nowhere: no such folder; it is roots.ears" in capsys.readouterr().err
    found = ingest(tmp_path, settings(tmp_path, roots=some, sources=list(some)))
    assert found.facts.rejected == {"source_not_wanted": 1}


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_paraspeechcaps(tmp_path)
    assert run(tmp_path, settings(tmp_path), "--input", str(tmp_path / "none")) == 2
    assert "none: no such file or folder" in capsys.readouterr().err
    assert run(tmp_path, settings(tmp_path), "--input", str(tmp_path / "audio")) == 2
    assert "expected <split>-00000-of-00001.parquet" in capsys.readouterr().err
    assert run(tmp_path, settings(tmp_path, splits=["test"])) == 2
    message = capsys.readouterr().err
    assert "files of dev, train_base, train_scaled, none of test; set splits" in message
    assert run(tmp_path, settings(tmp_path, features={"reverberation": "reverberation"})) == 1
    message = capsys.readouterr().err
    assert "no column reverberation; it has source, " in message
    assert "settings: features" in message
    path = root / "data" / "train_base-00000-of-00001.parquet"
    path.write_bytes(b"not parquet")
    assert run(tmp_path, settings(tmp_path)) == 1
    assert f"{path}: not a parquet file" in capsys.readouterr().err


def test_a_damaged_file_keeps_what_came_before(tmp_path: Path) -> None:
    root = write_paraspeechcaps(tmp_path)
    path = root / "data" / "train_base-00000-of-00001.parquet"
    table = pa.Table.from_pylist([caption("ears"), caption("emilia")])
    pq.write_table(table, path, row_group_size=1, compression="none")
    content = bytearray(path.read_bytes())
    meta = pq.read_metadata(path).row_group(1).column(0)
    start = meta.dictionary_page_offset or meta.data_page_offset
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(content)
    found = ingest(tmp_path, settings(tmp_path, splits=["train_base"]))
    assert found.facts.rows_out == 1
    assert list(found.reasons.values()) == ["transcript_invalid"]
    assert "cannot be read from row 1 on" in found.rejections[0]["detail"]
