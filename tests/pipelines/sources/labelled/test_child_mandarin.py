"""ChildMandarin: boys and girls, from columns or from the names of the clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipelines.sources.labelled.dumps_child_mandarin import TEXTS, write_child_mandarin
from tests.pipelines.sources.labelled.ingesting import ingest, run


def settings(folder: Path, **changes: object) -> dict[str, Any]:
    return {"kind": "child_mandarin", "input": [str(folder / "ChildMandarin")], **changes}


@pytest.mark.parametrize("form", ["parquet", "clips"])
def test_all_of_it(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_child_mandarin(tmp_path, form=form)
    found = ingest(tmp_path, settings(tmp_path))
    assert capsys.readouterr().out == "ingest corpus: 9 in, 9 out, 0 rejected, 0.00 h out\n"
    assert sorted(row["text"] for row in found.rows) == sorted(TEXTS * 3)
    assert {row["speaker"] for row in found.rows} == {"105", "102", "356"}
    assert {row["language"] for row in found.rows} == {"zh"}
    genders = {row["speaker"]: found.labels(row["id"]) for row in found.rows}
    assert genders == {
        "102": {"age": ["child"], "gender": ["female"]},
        "105": {"age": ["child"], "gender": ["female"]},
        "356": {"age": ["child"], "gender": ["male"]},
    }
    assert {row["audio_container"] for row in found.rows} == {
        "parquet" if form == "parquet" else "file"
    }


def test_every_fault_is_counted(tmp_path: Path) -> None:
    folder = write_child_mandarin(tmp_path, form="clips") / "train" / "105"
    stem = "105_4_F_L_LIAOCHENG_Android"
    (folder / f"{stem}_001.txt").unlink()
    (folder / f"{stem}_002.txt").write_bytes(b"\xce\xd2")
    (folder / f"{stem}_003.wav").rename(folder / "105_9_F_L_LIAOCHENG_Android_003.wav")
    (folder / f"{stem}_003.txt").rename(folder / "105_9_F_L_LIAOCHENG_Android_003.txt")
    (folder / "holiday.wav").write_bytes(b"")
    found = ingest(tmp_path, settings(tmp_path))
    assert found.facts.rows_in == 10
    assert sorted(found.reasons.values()) == [
        "field_invalid",
        "label_unknown",
        "transcript_invalid",
        "transcript_missing",
    ]
    told = {one["reason"]: one["detail"] for one in found.rejections}
    assert "settings: words.age" in told["label_unknown"]
    assert "settings `path`" in told["field_invalid"]
    older = {"age": {"9": "child"}}
    changed = ingest(tmp_path, settings(tmp_path, words=older, encodings=["utf-8", "gb18030"]))
    assert sorted(changed.reasons.values()) == ["field_invalid", "transcript_missing"]


def test_other_columns_can_be_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(write_child_mandarin(tmp_path).rglob("*.parquet"))
    table = pq.read_table(path)
    names = ["words" if name == "transcription" else name for name in table.schema.names]
    pq.write_table(table.rename_columns(names), path)
    assert run(tmp_path, settings(tmp_path)) == 2
    message = capsys.readouterr().err
    assert "no column for text" in message and "settings: columns.text" in message
    assert ingest(tmp_path, settings(tmp_path, columns={"text": ["words"]})).facts.rows_out == 9
    without = table.drop_columns(["gender", "age"])
    pq.write_table(without, path)
    found = ingest(tmp_path, settings(tmp_path))
    assert [found.labels(one) for one in found.ids] == [{"age": ["child"]}] * 9


def test_missing_and_empty_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, settings(tmp_path)) == 2
    assert "ChildMandarin: no such f" in capsys.readouterr().err
    (tmp_path / "ChildMandarin").mkdir()
    assert run(tmp_path, settings(tmp_path)) == 2
    message = capsys.readouterr().err
    assert "child_mandarin is not confirmed" in message and "params.yaml" in message


def test_a_row_without_audio(tmp_path: Path) -> None:
    path = next(write_child_mandarin(tmp_path).rglob("*.parquet"))
    rows = pq.read_table(path).to_pylist()
    rows[0]["audio"]["bytes"] = b""
    rows[1]["audio"]["bytes"] = None
    rows[2]["speaker"] = None
    pq.write_table(pa.Table.from_pylist(rows, schema=pq.read_schema(path)), path)
    found = ingest(tmp_path, settings(tmp_path))
    assert found.facts.rejected == {"audio_empty": 1, "audio_missing": 1, "speaker_missing": 1}
