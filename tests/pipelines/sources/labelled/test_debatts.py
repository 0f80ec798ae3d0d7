"""Debatts-Data: every clip is of a debate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.sources.labelled.dumps_debatts import SPEAKERS, TEXTS, write_debatts
from tests.pipelines.sources.labelled.ingesting import ingest, run


def settings(folder: Path, **changes: object) -> dict[str, Any]:
    return {"kind": "debatts", "input": [str(folder / "Debatts-Data")], **changes}


@pytest.mark.parametrize("form", ["jsonl", "clips"])
def test_all_of_it(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_debatts(tmp_path, form=form)
    found = ingest(tmp_path, settings(tmp_path))
    assert capsys.readouterr().out == "ingest corpus: 6 in, 6 out, 0 rejected, 0.00 h out\n"
    assert sorted(row["text"] for row in found.rows) == sorted(TEXTS * 2)
    assert {row["speaker"] for row in found.rows} == set(SPEAKERS)
    assert [found.labels(one) for one in found.ids] == [{"scene": ["debate"]}] * 6


def test_every_fault_is_counted(tmp_path: Path) -> None:
    root = write_debatts(tmp_path)
    path = root / "summary.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows[0]["text"] = None
    rows[1]["wav_path"] = "S01/gone.wav"
    rows[2]["wav_path"] = "../../S01.wav"
    rows[3]["language"] = "Elvish"
    rows[4]["text"] = "……"
    rows[5]["speaker_id"] = ["S01", "S02"]
    lines = [json.dumps(row) for row in rows] + ["{broken"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = ingest(tmp_path, settings(tmp_path))
    assert found.facts.rows_in == 7
    assert sorted(found.reasons.values()) == [
        "audio_missing",
        "field_invalid",
        "language_unknown",
        "member_unsafe",
        "text_empty",
        "text_empty",
        "transcript_invalid",
    ]


def test_another_scene_and_encoding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_debatts(tmp_path)
    path = root / "summary.jsonl"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    assert run(tmp_path, settings(tmp_path)) == 2
    assert "summary.jsonl: text in none of utf-8" in capsys.readouterr().err
    changed = settings(
        tmp_path,
        encodings=["utf-8", "gb18030"],
        constants={"scene": "parliament"},
        words={"scene": {"parliament": "parliament"}},
    )
    found = ingest(tmp_path, changed)
    assert found.labels(found.ids[0]) == {"scene": ["parliament"]}


def test_a_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, settings(tmp_path)) == 2
    assert "Debatts-Data: no such f" in capsys.readouterr().err
