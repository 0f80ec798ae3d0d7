from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lhotse
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from manifests.audio import AudioUndecodable, measure
from manifests.validate import validate
from pipelines import emit
from pipelines.sources.clip_file import probe_file
from pipelines.stages.emit import plan_shards
from schemas import AnnotatedUtterance, table_of
from tests.manifests.corpus import DEFAULT, UNANNOTATED, tone, write_facts
from tests.pipelines.sources.labelled.tones import tone as voiced
from tests.pipelines.sources.labelled.tones import write_mp4
from tests.records import annotated

EMILIA = Path("samples/emilia")
BAD = {"S00008_W000002"}  # truncated clips: ingest rejects them


def _write_select(folder: Path, parts: list[list[dict[str, Any]]]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for index, rows in enumerate(parts):
        table = table_of(AnnotatedUtterance, rows)
        pq.write_table(table, folder / f"part-{index:05d}.parquet")
    write_facts(str(folder), sum(map(len, parts)), stage="select")
    return str(folder)


def _emilia_rows(path: Path) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            if not member.name.endswith(".mp3") or any(bad in member.name for bad in BAD):
                continue
            audio = tar.extractfile(member).read()  # type: ignore[union-attr]
            try:
                length = measure(audio)
            except AudioUndecodable:
                continue
            made = annotated(
                id=member.name.removesuffix(".mp3"),
                duration=length.duration,
                audio_uri=str(path),
                audio_member=member.name,
                audio_offset=member.offset_data,
                audio_size=member.size,
                sample_rate_hz=length.sample_rate_hz,
            )
            rows.setdefault(made.id, asdict(made))  # one comes twice
    return list(rows.values())


def _file_rows(folder: Path, count: int, **changes: object) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    rows = []
    for number in range(count):
        audio = tone(0.3, number)
        path = folder / f"{number}.wav"
        path.write_bytes(audio)
        fields: dict[str, Any] = {
            "id": f"u{number}",
            "duration": 0.3,
            "audio_uri": str(path),
            "audio_container": "file",
            "audio_member": None,
            "audio_offset": 0,
            "audio_size": len(audio),
            "audio_format": "wav",
        }
        rows.append(asdict(annotated(**{**fields, **changes})))
    return rows


def _params(tmp_path: Path, shard_size: int) -> str:
    text = Path("params.yaml").read_text(encoding="utf-8")
    assert "shard_size: 1000" in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("shard_size: 1000", f"shard_size: {shard_size}"))
    return str(path)


def _emit(tmp_path: Path, select: str, shard_size: int = 1000, *more: str) -> tuple[int, Path]:
    output = tmp_path / "emit"
    arguments = ["--source", "emilia", "--input", select, "--output", str(output)]
    status = emit.main([*arguments, "--params", _params(tmp_path, shard_size), *more])
    return status, output


def _facts(output: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((output / "stage.json").read_text())
    return facts


def _cuts(output: Path) -> list[Any]:
    return list(lhotse.CutSet.from_shar(in_dir=output / "shar"))


def test_emilia_comes_back_as_it_was(tmp_path: Path) -> None:
    parts = [_emilia_rows(EMILIA / f"{language}-B000000.tar") for language in ("EN", "ZH")]
    rows = [row for part in parts for row in part]
    assert len(rows) >= 48
    status, output = _emit(tmp_path, _write_select(tmp_path / "select", parts), 20)
    assert status == 0
    cuts = _cuts(output)
    assert [cut.supervisions[0].id for cut in cuts] == [row["id"] for row in rows]
    for cut, row in zip(cuts, rows, strict=True):
        with Path(row["audio_uri"]).open("rb") as tar:
            tar.seek(row["audio_offset"])
            audio = tar.read(row["audio_size"])
        assert cut.recording.sources[0].source == audio
        with soundfile.SoundFile(io.BytesIO(audio)) as stream:
            expected = stream.read(dtype="float32")
        np.testing.assert_array_equal(cut.load_audio()[0], expected)
        assert cut.supervisions[0].lineage["audio_member"] == row["audio_member"]
    assert len(list((output / "shar").iterdir())) == 2 * -(-len(rows) // 20)
    assert validate(str(output), decode=1.0).ok


def test_what_is_wrong_with_an_utterance_is_counted(tmp_path: Path) -> None:
    rows = _file_rows(tmp_path / "audio", 8)
    Path(rows[1]["audio_uri"]).unlink()
    Path(rows[2]["audio_uri"]).write_bytes(b"RIFF")
    rows[3]["duration"] = 5.0  # ingest found more than decodes
    rows[4]["duration"] = 0.01
    Path(rows[5]["audio_uri"]).write_bytes(b"x" * rows[5]["audio_size"])
    rows[6]["audio_format"] = "m4a"
    Path(rows[6]["audio_uri"]).write_bytes(b"x" * rows[6]["audio_size"])
    rows[7]["id"] = ""
    status, output = _emit(tmp_path, _write_select(tmp_path / "select", [rows]))
    assert status == 0
    facts = _facts(output)
    assert (facts["in"], facts["out"]) == (8, 1)
    assert facts["rejected"] == {
        "audio_missing": 1,
        "audio_truncated": 2,
        "duration_mismatch": 1,
        "audio_unreadable": 2,
        "field_invalid": 1,
    }
    assert facts["hours_in"] == pytest.approx(facts["hours_out"] + 6.51 / 3600, abs=1e-5)
    rejected = pq.read_table(output / "rejected" / "part-00000.parquet").to_pylist()
    assert {row["record_id"] for row in rejected} == {"", *(f"u{n}" for n in range(1, 7))}
    assert [cut.id for cut in _cuts(output)] == ["u0"]


def test_sound_that_no_shard_carries_becomes_flac(tmp_path: Path) -> None:
    rows = _file_rows(tmp_path / "audio", 2)
    samples = voiced("a", seconds=1.5)
    for row, picture in zip(rows, (False, True), strict=True):
        path = Path(row["audio_uri"]).with_suffix(".mp4")
        write_mp4(path, samples, picture=picture)
        facts, _ = probe_file(str(path.parent), path.name)
        row.update(audio_uri=str(path), audio_format="m4a", audio_size=path.stat().st_size)
        row.update(duration=facts.duration, sample_rate_hz=facts.sample_rate_hz)
    status, output = _emit(tmp_path, _write_select(tmp_path / "select", [rows]))
    assert status == 0
    for cut in _cuts(output):
        assert cut.recording.sources[0].source[:4] == b"fLaC"
        heard = cut.load_audio()[0]
        assert len(heard) == pytest.approx(len(samples), abs=3 * 1024)  # AAC's delay and filling
        delay = int(np.argmax(np.correlate(heard, samples[:4000], "valid")))
        said = heard[delay : delay + 4000]
        assert np.corrcoef(said, samples[:4000])[0, 1] > 0.95
    assert validate(str(output), decode=1.0).ok


def test_rows_without_instruction_get_the_default_one(tmp_path: Path) -> None:
    rows = _file_rows(tmp_path / "audio", 3)
    rows[1].update(UNANNOTATED)
    status, output = _emit(tmp_path, _write_select(tmp_path / "select", [rows]))
    assert status == 0
    supervisions = [cut.supervisions[0] for cut in _cuts(output)]
    assert [s.instruction_default for s in supervisions] == [False, True, False]
    assert supervisions[1].instruction == DEFAULT
    counts = _facts(output)["counts"]
    assert counts == {"instruction.annotated": 2, "instruction.default": 1, "format.wav": 3}


def _tree(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    rows = _file_rows(tmp_path / "audio", 23)
    Path(rows[9]["audio_uri"]).unlink()
    parts = [rows[:7], rows[7:8], [], rows[8:20], rows[20:]]
    select = _write_select(tmp_path / "select", parts)
    workers = ["--", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    trees = []
    for more in ([], workers):
        status, output = _emit(tmp_path, select, 4, *more)
        assert status == 0
        trees.append(_tree(output))
    assert trees[0] == trees[1]
    assert sum(name.startswith("shar/cuts.") for name in trees[0]) == 6


def test_a_shorter_second_run_leaves_no_old_shards(tmp_path: Path) -> None:
    rows = _file_rows(tmp_path / "audio", 6)
    status, output = _emit(tmp_path, _write_select(tmp_path / "select", [rows]), 2)
    assert status == 0
    (output / "shar" / "cuts.000009.jsonl.gz.0badcafe.tmp").touch()  # a crash left it
    status, output = _emit(tmp_path, str(tmp_path / "select"), 2, "--limit", "3")
    assert status == 0
    assert [cut.id for cut in _cuts(output)] == ["u0", "u1", "u2"]
    assert len(list((output / "shar").iterdir())) == 4


def test_nothing_selected_is_an_empty_corpus(tmp_path: Path) -> None:
    status, output = _emit(tmp_path, _write_select(tmp_path / "select", [[]]))
    assert status == 0
    assert (_facts(output)["in"], _facts(output)["out"]) == (0, 0)


def test_an_archive_that_changed_fails_the_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tar = tmp_path / "EN-B000000.tar"
    content = (EMILIA / tar.name).read_bytes()
    tar.write_bytes(content)
    select = _write_select(tmp_path / "select", [_emilia_rows(tar)])
    tar.write_bytes(content[: len(content) // 2])
    status, output = _emit(tmp_path, select)
    assert status == 1
    assert "the archive was changed; run ingest again" in capsys.readouterr().err
    assert not (output / "stage.json").exists()
    assert not list(output.glob("shar/*"))


def test_ids_that_come_twice_fail_the_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = _file_rows(tmp_path / "audio", 2, id="same")
    status, output = _emit(tmp_path, _write_select(tmp_path / "select", [rows]))
    assert status == 1
    assert "an earlier cut has the same id" in capsys.readouterr().err
    assert not (output / "stage.json").exists()


def test_bad_input_is_found_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert _emit(tmp_path, str(empty))[0] == 2
    assert "run python -m pipelines.select --source emilia" in capsys.readouterr().err
    select = Path(_write_select(tmp_path / "select", [_file_rows(tmp_path / "audio", 1)]))
    part = select / "part-00000.parquet"
    pq.write_table(pq.read_table(part).drop(["instruction", "value"]), part)
    assert _emit(tmp_path, str(select))[0] == 2
    assert "columns are missing: instruction, value" in capsys.readouterr().err
    part.write_bytes(b"no parquet")
    assert _emit(tmp_path, str(select))[0] == 2
    assert not (tmp_path / "emit").exists()


@given(st.lists(st.integers(0, 30), max_size=12), st.integers(1, 9))
def test_the_plan_has_every_row_once_in_order(sizes: list[int], shard_size: int) -> None:
    parts = [(f"part{n}", size) for n, size in enumerate(sizes)]
    runs = plan_shards(parts, shard_size)
    planned = [(r.path, n) for run in runs for r in run.ranges for n in range(r.start, r.stop)]
    assert planned == [(path, n) for path, size in parts for n in range(size)]
    filled = 0
    for run in runs:
        assert filled == run.first_shard * shard_size  # every run begins with a new shard
        filled += sum(r.stop - r.start for r in run.ranges)
    assert len({run.ranges[0].path for run in runs}) == len(runs)


def test_help_imports_little() -> None:
    code = (
        "import sys\nfrom pipelines import emit\n"
        "try: emit.main(['--help'])\nexcept SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'lhotse', 'apache_beam', 'pandas', 'soundfile'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "examples:" in shown.stdout and not shown.stderr
