"""``python -m pipelines.ingest`` as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.ingest import main
from schemas import StageFacts, Utterance, arrow_schema

SAMPLE = Path("samples/emilia")


def _run(output: Path, *flags: str) -> int:
    return main(["--source", "emilia", "--output", str(output), *flags])


def test_the_sample_becomes_a_finished_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path / "out") == 0
    assert capsys.readouterr().out == (
        "ingest emilia: 59 in, 48 out, 11 rejected (audio_missing 2, audio_truncated 2, "
        "duplicate_id 2, transcript_invalid 2, audio_empty 1, transcript_empty 1, "
        "transcript_missing 1), 0.05 h out\n"
    )
    facts = StageFacts.from_json((tmp_path / "out" / "stage.json").read_text(encoding="utf-8"))
    assert facts.rows_in == facts.rows_out + sum(facts.rejected.values())
    parts = sorted((tmp_path / "out").glob("part-*.parquet"))
    assert [p.name for p in parts] == ["part-00000-000.parquet", "part-00001-000.parquet"]
    for part in parts:
        assert pq.read_schema(part).equals(arrow_schema(Utterance))
    assert (tmp_path / "out.run.json").is_file()


def test_limit_reads_so_many_of_every_file(tmp_path: Path) -> None:
    assert _run(tmp_path / "out", "--limit", "3") == 0
    facts = StageFacts.from_json((tmp_path / "out" / "stage.json").read_text(encoding="utf-8"))
    assert facts.rows_in == 6


def test_a_dry_run_lists_the_files_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path / "out", "--dry-run") == 0
    *files, last = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in files] == ["tar", "tar"]
    assert [Path(line.split("\t")[1]).name for line in files] == [
        "EN-B000000.tar",
        "ZH-B000000.tar",
    ]
    assert last == "2 files to read"
    assert list(tmp_path.iterdir()) == []


def test_some_files_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(tmp_path / "out", "--input", str(SAMPLE / "EN-B000000.tar")) == 0
    uris = (
        pq.read_table(tmp_path / "out" / "part-00000-000.parquet").column("audio_uri").to_pylist()
    )
    assert set(uris) == {str(SAMPLE / "EN-B000000.tar")}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--input", "nowhere"], "nowhere"),
        (["--input", "docs"], "docs"),
        (["--input", "nothing://bucket/x"], "nothing://bucket/x: no file system"),
        (["--", "--no_such_flag=1"], "no_such_flag"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tmp_path: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path / "out", *flags) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message in line
    assert not (tmp_path / "out" / "stage.json").exists()


def test_a_second_run_over_less_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    assert _run(tmp_path / "out") == 0
    assert _run(tmp_path / "out", "--input", str(SAMPLE / "ZH-B000000.tar")) == 0
    assert len(list((tmp_path / "out").glob("part-*.parquet"))) == 1
    assert len(list((tmp_path / "out" / "rejected").glob("part-*.parquet"))) == 1
