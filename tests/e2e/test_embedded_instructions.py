"""The S3 set by the model that is embedded: real replies, held to the small forms."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines import compose
from tests.pipelines.instruction_corpus import annotated_folder

COUNTS = {"sampled": 2, "dictionary": 1, "features": {3: 1}, "free": 1}


def test_the_embedded_model_fills_a_small_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["sets"]["s3"]["embedded"]["counts"] = COUNTS
    params = tmp_path / "params.yaml"
    params.write_text(yaml.safe_dump(content))
    run = ["--set", "s3", "--params", str(params), "--chat-backend", "embedded"]
    run += ["--input", str(annotated_folder(tmp_path / "select"))]
    run += ["--journal", str(tmp_path / "journal.sqlite"), "--output"]
    assert compose.main([*run, str(tmp_path / "s3")]) == 0, capsys.readouterr().err
    rows = pq.read_table(tmp_path / "s3" / "part-00000.parquet").to_pylist()
    assert [row["origin"] for row in rows] == [
        "sampled",
        "sampled",
        "dictionary",
        "features",
        "free",
    ]
    assert len(json.loads(rows[2]["instruction"])) == 6
    assert rows[3]["instruction"].startswith("Speak with ") and len(rows[3]["attributes"]) == 3
    assert all(row["text"].strip() for row in rows)
    assert compose.main([*run, str(tmp_path / "again")]) == 0
    assert json.loads((tmp_path / "again.run.json").read_text())["calls"] == 0
    part = "part-00000.parquet"
    assert (tmp_path / "again" / part).read_bytes() == (tmp_path / "s3" / part).read_bytes()
