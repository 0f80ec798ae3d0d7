"""Distributions that no stage counts: read from single columns of its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import StageOutput, read_part

SHOWN_VALUES = 24  # of one label: emotions are fewer, accents and tags may be thousands
EMOTION = "emotion"  # the label that is shown first


@dataclass(frozen=True, kw_only=True)
class LabelCounts:
    """Utterances of a labelled corpus by the value of one label: emotion, accent, ..."""

    name: str
    counts: tuple[tuple[str, int, float], ...]  # value, rows, hours; the most rows first
    values: int  # different ones, shown or not


def read_labels(outputs: Sequence[StageOutput]) -> tuple[LabelCounts, ...]:
    """Utterances and hours by each label's value, from the latest stage that has utterances."""
    output = next((one for one in reversed(outputs) if one.parts), None)
    if output is None:
        return ()
    rows: Counter[tuple[str, str]] = Counter()
    seconds: Counter[tuple[str, str]] = Counter()
    for name, value, count, duration in _by_part(output.parts):
        rows[name, value] += count
        seconds[name, value] += duration  # type: ignore[assignment]  # seconds are floats
    found = []
    for label in sorted({name for name, _ in rows}, key=lambda name: (name != EMOTION, name)):
        values = sorted(
            (value for name, value in rows if name == label),
            key=lambda value: (-rows[label, value], value),
        )
        counts = tuple(
            (value, rows[label, value], seconds[label, value] / 3600)
            for value in values[:SHOWN_VALUES]
        )
        found.append(LabelCounts(name=label, counts=counts, values=len(values)))
    return tuple(found)


def _by_part(parts: Sequence[str]) -> Iterator[tuple[str, str, int, float]]:
    """(label, value, rows, seconds), once for each chunk of each part."""
    for path in parts:
        for table in read_part(path, columns=["labels", "duration"]):
            nested = table.column("labels").combine_chunks()
            labels = nested.flatten()
            flat = pa.table(
                {
                    "name": labels.field("name"),
                    "value": labels.field("value"),
                    "duration": table.column("duration").take(nested.value_parent_indices()),
                }
            )
            summed = flat.group_by(["name", "value"], use_threads=False).aggregate(
                [("duration", "count"), ("duration", "sum")]
            )
            for row in summed.to_pylist():
                yield row["name"], row["value"], row["duration_count"], row["duration_sum"]


def read_styles(output: StageOutput | None) -> tuple[tuple[str, int], ...]:
    """Scenes by the style of their last turn, the most frequent first; none where none is known."""
    styles: Counter[str] = Counter()
    for path in output.parts if output else ():
        for table in read_part(path, columns=["style"]):
            styles.update(style for style in table.column("style").to_pylist() if style)
    return tuple(sorted(styles.items(), key=lambda style: (-style[1], style[0])))


def read_lengths(output: StageOutput | None, step_s: float, bars: int) -> list[int]:
    """Scenes by their duration in bars of ``step_s`` seconds; the last one has no upper end."""
    counts = [0] * bars
    for path in output.parts if output else ():
        for table in read_part(path, columns=["duration"]):
            bins = pc.min_element_wise(
                pc.floor(pc.divide(table.column("duration"), step_s)), bars - 1
            )
            for found in pc.value_counts(bins).to_pylist():
                counts[int(found["values"])] += found["counts"]
    return counts
