"""NVSpeech: tags stay where they stand in the transcripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.sources.labelled.dumps_nvspeech import TEXTS, write_nvspeech
from tests.pipelines.sources.labelled.ingesting import ingest, run


def settings(folder: Path, **changes: object) -> dict[str, Any]:
    return {"kind": "nvspeech", "input": [str(folder / "NVSpeech")], **changes}


@pytest.mark.parametrize("form", ["jsonl", "clips"])
def test_all_of_it(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_nvspeech(tmp_path, form=form)
    found = ingest(tmp_path, settings(tmp_path))
    assert capsys.readouterr().out == "ingest corpus: 5 in, 5 out, 0 rejected, 0.00 h out\n"
    assert [row["text"] for row in found.rows] == list(TEXTS)
    assert [row["labels"] for row in found.rows] == [[]] * 5
    assert len({row["speaker"] for row in found.rows}) == 5  # nobody is named
    assert {row["language"] for row in found.rows} == {"zh"}


def test_faults_and_a_column_of_speakers(tmp_path: Path) -> None:
    path = write_nvspeech(tmp_path) / "train.jsonl"
    named = path.read_text(encoding="utf-8").replace('{"audio"', '{"speaker": "one", "audio"')
    lines = named.splitlines()
    lines[0] = lines[0].replace("000000_000000", "000000_000009")
    lines[2] = "null"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = ingest(tmp_path, settings(tmp_path))
    assert found.facts.rejected == {"audio_missing": 1, "field_invalid": 1}
    assert {row["speaker"] for row in found.rows} == {"one"}


def test_objects_beside_the_clips(tmp_path: Path) -> None:
    folder = write_nvspeech(tmp_path, form="json") / "webdataset-000000"
    found = ingest(tmp_path, settings(tmp_path, text_suffix=".json"))
    assert [row["text"] for row in found.rows] == list(TEXTS)
    assert [row["speaker"] for row in found.rows] == [f"S{number}" for number in range(5)]
    for number, content in enumerate(("{", "[]", '{"text": ["a"]}', '{"text": ""}', "{}")):
        (folder / f"000000_{number:06d}.json").write_text(content, encoding="utf-8")
    broken = ingest(tmp_path, settings(tmp_path, text_suffix=".json"))
    assert [broken.reasons[one] for one in sorted(broken.reasons)] == [
        "transcript_invalid",
        "transcript_invalid",
        "field_invalid",
        "text_empty",
        "transcript_missing",
    ]


def test_a_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, settings(tmp_path)) == 2
    assert "NVSpeech: no such f" in capsys.readouterr().err
