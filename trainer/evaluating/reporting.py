"""What `trainer.evaluate report` does: everything that was measured, as the papers' tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from manifests.storage import LocalFiles
from trainer.errors import UsageError
from trainer.evaluating.heard import MEASUREMENTS
from trainer.metrics.measurement import Measurement, read_measurements
from trainer.metrics.tables import render_tables


def report(
    folder: Path, more: Sequence[Path], *, papers: bool
) -> tuple[list[Measurement], str, str]:
    """Writes the tables below the folder; gives the figures, the Markdown, and what was written.

    Args:
        folder: of the evaluation: its ``scores/*/measurements.jsonl`` are read.
        more: further files of measurements.
        papers: whether the papers' own figures stand beside.

    Raises:
        UsageError: there are no measurements, or two for the same cell.
    """
    files = [*sorted((folder / "scores").glob(f"*/{MEASUREMENTS}")), *more]
    if not files:
        raise UsageError(
            f"{folder}/scores/*/{MEASUREMENTS}: none there; run python -m trainer.evaluate score"
        )
    found = merged(one for path in files for one in read_measurements(path))
    tables = render_tables(found, papers)
    out = folder / "report"
    _write(out / "tables.md", tables.markdown)
    _write(out / "tables.html", tables.html)
    for name, content in tables.csv.items():
        _write(out / f"{name}.csv", content)
    return found, tables.markdown, f"{out}: tables.md, tables.html, {', '.join(tables.csv)}.csv"


def merged(found: Iterable[Measurement]) -> list[Measurement]:
    """One measurement a cell: one that is missing gives way to one that was made elsewhere.

    Two that were both made stay, for the tables to refuse.
    """
    every = list(found)
    made = {_cell(one) for one in every if one.value is not None}
    missing = {_cell(one): one for one in reversed(every) if one.value is None}
    return [
        one
        for one in every
        if one.value is not None or (_cell(one) not in made and missing[_cell(one)] is one)
    ]


def _cell(one: Measurement) -> tuple[str, str, str, str]:
    return one.system, one.task, one.language, one.metric


def _write(path: Path, content: str) -> None:
    with LocalFiles().atomic_write(str(path)) as stream:
        stream.write(content.encode())
