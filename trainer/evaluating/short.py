"""What was measured here, for a terminal: one table, and why figures are missing."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trainer.metrics.measurement import TASKS, Measurement


def show(found: Sequence[Measurement], console: Console) -> None:
    """Prints a row a metric of a task, a column a system.

    A figure stands with how many cases it is over; a missing one is a dash with the number of the
    reason below.
    """
    reasons = {one.missing: 0 for one in found if one.value is None and one.missing}
    reasons = {reason: number for number, reason in enumerate(reasons, 1)}
    systems = list(dict.fromkeys(one.system for one in found))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("task")
    table.add_column("metric")
    for system in systems:
        table.add_column(Text(system), justify="right")
    cells = {(one.task, one.language, one.metric, one.system): one for one in found}
    rows = dict.fromkeys((one.task, one.language, one.metric) for one in found)
    before = ""
    for task, language, metric in sorted(rows, key=lambda row: (TASKS.index(row[0]), row[1])):
        figures = [_cell(cells.get((task, language, metric, one)), reasons) for one in systems]
        name = f"{task.replace('_', ' ')} {language}"
        table.add_row(name if name != before else "", metric.replace("_", " "), *figures)
        before = name
    console.print(table)
    for reason, number in reasons.items():
        console.print(Text(f"[{number}] {reason}"))


def _cell(one: Measurement | None, reasons: dict[str, int]) -> Text:
    if one is None:
        return Text("")
    if one.value is None:
        mark = f" [{reasons[one.missing]}]" if one.missing else ""
        return Text(f"–{mark}", style="dim")
    return Text(f"{one.value:.4g} ({one.count})")
