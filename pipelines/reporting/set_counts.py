"""Rows and hours of a training set by source and language: its columns read once, as a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import StageFailed
from pipelines.reporting.set_facts import Holdings
from pipelines.stage import read_part

SHOWN_NAMES = 24  # sources or languages; a set has a few, a damaged one may have any number
WRITTEN = "written by a chat model"  # the source of a row that was sampled nowhere
_SPOKEN = ("source", "language", "duration", "instruction")
_UNSPOKEN = ("utterance_source", "language")


@dataclass(frozen=True, kw_only=True)
class SetCounts:
    """What is in a set."""

    prompts: int  # rows with an instruction
    languages: Holdings  # the most rows first, then by name
    sources: Holdings


def count_set(parts: Sequence[str], *, spoken: bool) -> SetCounts:
    """Counts the rows of all parts.

    Args:
        parts: of the set, composed.
        spoken: whether its rows are utterances; prompts without speech otherwise.

    Raises:
        StageFailed: a part is damaged, or is not one of such a set.
    """
    prompts = 0
    rows: Counter[tuple[str, str]] = Counter()
    seconds: Counter[tuple[str, str]] = Counter()
    for table in _columns(parts, spoken):
        prompts += pc.sum(table.column("is_prompt")).as_py() or 0
        grouped = table.group_by(["source", "language"], use_threads=False)
        for row in grouped.aggregate([("duration", "count"), ("duration", "sum")]).to_pylist():
            key = row["source"], row["language"]
            rows[key] += row["duration_count"]
            seconds[key] += row["duration_sum"]
    return SetCounts(
        prompts=prompts,
        languages=_holdings(rows, seconds, 1),
        sources=_holdings(rows, seconds, 0),
    )


def _columns(parts: Sequence[str], spoken: bool) -> Iterator[pa.Table]:
    for path in parts:
        columns = _SPOKEN if spoken else _UNSPOKEN
        for table in read_part(path, columns=columns):
            absent = set(columns) - set(table.column_names)
            if absent:
                raise StageFailed(
                    f"{path}: not of a set as params.yaml has it, columns are missing: "
                    f"{', '.join(sorted(absent))}; run pipelines.compose for the set again"
                )
            if spoken:
                prompts = table.column("instruction").is_valid()
                yield table.drop_columns(["instruction"]).append_column("is_prompt", prompts)
            else:
                yield pa.table(
                    {
                        "source": pc.fill_null(table.column("utterance_source"), WRITTEN),
                        "language": table.column("language"),
                        "duration": pa.repeat(pa.scalar(0.0), table.num_rows),
                        "is_prompt": pa.repeat(pa.scalar(True), table.num_rows),
                    }
                )


def _holdings(
    rows: Counter[tuple[str, str]], seconds: Counter[tuple[str, str]], by: int
) -> Holdings:
    number, length = Counter[str](), Counter[str]()
    for key, found in rows.items():
        number[key[by]] += found
        length[key[by]] += seconds[key]
    order = sorted(number, key=lambda name: (-number[name], name))
    return tuple((name, number[name], length[name] / 3600) for name in order[:SHOWN_NAMES])
