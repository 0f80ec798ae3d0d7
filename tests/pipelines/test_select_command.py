"""``python -m pipelines.select`` as a person runs it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.select import main
from schemas import AnnotatedUtterance, StageFacts, table_of
from tests.records import annotated

MULTIPROCESSING = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


@pytest.fixture
def annotate(tmp_path: Path) -> Path:
    """The output of annotate: three parts, every kind of row in each."""
    folder = tmp_path / "annotate"
    folder.mkdir()
    total = 0
    for part in range(3):
        rows = []
        for n in range(60):
            text = f"Say line {part} {n} as if nobody listened, slowly and softly."
            changes: dict[str, str | None] = {"instruction": f"Take {n} of {part}: {text}"}
            if n % 6 == 1:
                changes["value"] = "low"
            if n % 6 == 2:
                changes["instruction"] = "Read it in a neutral tone."  # 30 times, 20 stay
            if n % 6 == 3:
                changes |= {"character": "FAYE", "game": "g", "instruction": f"{n}, {part}, Faye!"}
            if n % 6 == 4:
                changes |= {"instruction": None, "value": None}
            rows.append(annotated(id=f"p{part}n{n:02d}", **changes))
        pq.write_table(table_of(AnnotatedUtterance, rows), folder / f"part-{part:05d}.parquet")
        total += len(rows)
    facts = StageFacts(
        stage="annotate",
        source="emilia",
        unit="utterance",
        rows_in=total,
        rows_out=total,
        rejected={},
        hours_in=0.0,
        hours_out=0.0,
        rejected_hours={},
        speakers_in=1,
        speakers_out=1,
        backend="test",
        prompt_sha256={},
        counts={},
    )
    (folder / "stage.json").write_text(facts.to_json(), encoding="utf-8")
    return folder


def run(annotate: Path, output: Path, *flags: str) -> int:
    paths = ["--input", str(annotate), "--output", str(output)]
    return main(["--source", "emilia", *paths, *flags])


def content(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_the_whole_command(
    annotate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "select"
    assert run(annotate, output) == 0
    assert capsys.readouterr().out == (
        "select emilia: 180 in, 110 out, 70 rejected "
        "(name_leaked 30, value_not_kept 30, template_like 10), 0.05 h out\n"
    )
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    assert facts.rows_in == facts.rows_out + sum(facts.rejected.values()) == 180
    assert facts.counts["value_in.low"] == 30
    assert facts.counts["value_out.low"] == 0
    assert sorted(content(output)) == [
        *(f"part-{n:05d}.parquet" for n in range(3)),
        *(f"rejected/part-{n:05d}.parquet" for n in range(3)),
        "stage.json",
    ]


def test_the_number_of_workers_does_not_matter(annotate: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert run(annotate, one) == 0
    assert run(annotate, two, "--", *MULTIPROCESSING) == 0
    assert content(one) == content(two)


def test_limit_reads_so_many_rows_of_each_part(annotate: Path, tmp_path: Path) -> None:
    output = tmp_path / "select"
    assert run(annotate, output, "--limit", "6") == 0
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    assert facts.rows_in == 18


def test_nothing_annotated_is_no_error(annotate: Path, tmp_path: Path) -> None:
    for part in annotate.glob("part-*.parquet"):
        part.unlink()
    assert run(annotate, tmp_path / "select") == 0


def test_no_annotation_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nowhere", tmp_path / "select") == 2
    assert "run python -m pipelines.annotate --source emilia" in capsys.readouterr().err


def test_a_damaged_part(annotate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (annotate / "part-00001.parquet").read_bytes()
    (annotate / "part-00001.parquet").write_bytes(whole[: len(whole) // 2])
    assert run(annotate, tmp_path / "select") == 2
    assert "a part is not readable Parquet" in capsys.readouterr().err


def test_a_part_that_is_damaged_inside(
    annotate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = annotate / "part-00001.parquet"
    whole = path.read_bytes()
    column = pq.read_metadata(path).row_group(0).column(0)  # the ids
    start = column.dictionary_page_offset or column.data_page_offset
    end = start + column.total_compressed_size
    path.write_bytes(whole[:start] + bytes(end - start) + whole[end:])
    assert run(annotate, tmp_path / "select") == 1
    assert "part-00001.parquet: not a readable Parquet file" in capsys.readouterr().err
    assert not (tmp_path / "select" / "stage.json").exists()


def test_flags_that_are_not_beams(
    annotate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(annotate, tmp_path / "select", "--", "--no_such_flag=1") == 2
    assert "no_such_flag" in capsys.readouterr().err


def test_help_is_quick_and_loads_no_beam() -> None:
    code = (
        "import sys\nfrom pipelines.select import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'apache_beam', 'lhotse', 'torch'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--source emilia" in done.stdout
