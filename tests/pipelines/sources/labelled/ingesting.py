"""Runs ``python -m pipelines.ingest`` on a dump, as a person would, and reads what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from pipelines.ingest import main
from schemas import StageFacts

NAME = "corpus"


@dataclass(frozen=True)
class Ingested:
    """The output of one run."""

    facts: StageFacts
    rows: list[dict[str, Any]]  # in order of their ids
    rejections: list[dict[str, Any]]

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.rows]

    @property
    def reasons(self) -> dict[str, str]:
        """Id of a rejected record -> its reason; every id once."""
        return {rejection["record_id"]: rejection["reason"] for rejection in self.rejections}

    def labels(self, record_id: str) -> dict[str, list[str]]:
        """Name of a label -> its values."""
        row = next(row for row in self.rows if row["id"] == record_id)
        found: dict[str, list[str]] = {}
        for label in row["labels"]:
            found.setdefault(label["name"], []).append(label["value"])
        return found


def write_params(folder: Path, settings: Mapping[str, object], name: str = NAME) -> Path:
    """The project's parameters with one source of these settings, and everything in the folder."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params |= {"root": str(folder / "out"), "sources": {name: dict(settings)}}
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    return path


def run(folder: Path, settings: Mapping[str, object], *flags: str) -> int:
    """The command's exit status."""
    params = write_params(folder, settings)
    return main(["--source", NAME, "--params", str(params), *flags])


def ingest(folder: Path, settings: Mapping[str, object], *flags: str) -> Ingested:
    """A run that has to end well; everything that went in came out or was rejected."""
    assert run(folder, settings, *flags) == 0
    output = folder / "out" / NAME / "ingest"
    facts = StageFacts.from_json((output / "stage.json").read_text(encoding="utf-8"))
    rows = _read(output, "part-*.parquet")
    rejections = _read(output, "rejected/part-*.parquet")
    assert facts.rows_in == facts.rows_out + sum(facts.rejected.values())
    assert facts.rows_out == len(rows)
    assert facts.rejected == Counter(rejection["reason"] for rejection in rejections)
    return Ingested(facts, sorted(rows, key=lambda row: str(row["id"])), rejections)


def _read(folder: Path, pattern: str) -> list[dict[str, Any]]:
    tables = [pq.read_table(path) for path in sorted(folder.glob(pattern))]
    return [row for table in tables for row in table.to_pylist()]
