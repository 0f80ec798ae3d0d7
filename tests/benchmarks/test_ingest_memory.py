from __future__ import annotations

from pathlib import Path

from benchmarks import ingest_memory
from benchmarks.processes import Usage
from pipelines.ingest import main as ingest
from pipelines.stage import open_stage


def test_what_it_writes_is_what_the_command_reads(tmp_path: Path) -> None:
    ingest_memory.write_corpus(tmp_path, 25)
    params = tmp_path / "params.yaml"
    params.write_text(ingest_memory.with_metadata(tmp_path / "metadata.jsonl"), encoding="utf-8")
    output = str(tmp_path / "ingest")
    flags = ["--source", "emilia", "--input", str(tmp_path), "--output", output]
    assert ingest([*flags, "--params", str(params)]) == 0
    facts = open_stage(output, "ingest").facts
    assert (facts.rows_in, facts.rows_out) == (25, 25)


def test_every_size_has_its_rate_and_its_peak() -> None:
    usage = Usage(2.0, 1.0, 300.0, "")
    series = ingest_memory.series_of({100: [usage], 400: [usage, usage]})
    assert [(one.size, one.unit, one.values) for one in series] == [
        (100, "utterances/s", (50.0,)),
        (400, "utterances/s", (200.0, 200.0)),
        (100, "CPU-us an utterance", (10_000.0,)),
        (400, "CPU-us an utterance", (2500.0, 2500.0)),
        (100, "MB", (300.0,)),
        (400, "MB", (300.0, 300.0)),
    ]
