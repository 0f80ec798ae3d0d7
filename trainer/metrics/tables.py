"""The papers' tables with what was measured here, as Markdown, CSV and one HTML page.

A figure of a paper never stands without the word `paper` beside it, and one measured here never
without the number of cases it is over. A cell without figure has a mark, and a footnote that says
what would give it one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jinja2

from trainer.metrics.measurement import Measurement
from trainer.metrics.paper_tables import METRIC_LABELS, TABLES, TASK_LABELS, Column, load_table
from trainer.metrics.table_view import Cell, Section, View, build_view

CSV_COLUMNS = (
    *("paper", "table", "whose", "system", "language", "task", "metric"),
    *("value", "low", "high", "count", "judge", "missing"),
)

REST = "Measured, and in none of the papers' tables"


@dataclass(frozen=True, slots=True)
class Tables:
    """The same tables three times."""

    markdown: str
    csv: Mapping[str, str]  # flexivoice_2 -> its figures, one a line
    html: str  # a whole page that needs nothing else


def render_tables(found: Sequence[Measurement], papers: bool = True) -> Tables:
    """The papers' tables for the systems that were run, beside the papers' own figures.

    FlexiVoice 2, 3, 4, 5, 7 and 8, MCLP 2 and 3. The same measurements in the same order give the
    same bytes.

    Args:
        found: what was measured.
        papers: whether to show the papers' figures; without them, only tables that something was
            measured for.

    Raises:
        UsageError: two measurements are for the same cell.

    >>> of = {"language": "en", "missing": None, "low": None, "high": None, "judge": "emotion2vec"}
    >>> one = Measurement(system="mine", task="to_hard", metric="acc_i", value=81.0, count=9, **of)
    >>> "| mine | here | – [1] | – [1] | 81.0 (n=9) |" in render_tables([one]).markdown
    True
    """
    tables = {name: load_table(name) for name in TABLES}
    views = [build_view(name, table, found, papers) for name, table in tables.items()]
    views = [view for view in views if papers or view.has_measured]
    rest = [one for one in found if not any(table.shows(one) for table in tables.values())]
    more = [f"### {REST}", "", *(f"- {_escaped(rest_line(one))}" for one in rest), ""]
    return Tables(
        markdown="\n".join([*map(_markdown, views), *(more if rest else ())]),
        csv={view.name: _csv(view) for view in views},
        html=_html(views, rest),
    )


def rest_line(one: Measurement) -> str:
    """A measurement that none of the tables has a column for."""
    of = f"{one.system}, {one.language}, {TASK_LABELS.get(one.task, one.task)}, {one.metric}"
    if one.value is None:
        return f"{of}: none, {one.missing}"
    judge = f", by {one.judge}" if one.judge else ""
    return f"{of}: {one.value:.4g} (n={one.count:,}){judge}"


def head_label(section: Section, language: str, column: Column) -> tuple[str, str]:
    """What stands over a column: the task, with its language where languages are columns."""
    task = TASK_LABELS[column.task]
    over = task if section.language is not None else f"{language.upper()} {task}"
    return over, METRIC_LABELS[column.metric_in(language)]


def visible(text: str) -> str:
    """One line of text in which nothing is hidden: no control characters, no direction marks.

    >>> visible(f"my system{chr(0x202E)}{chr(10)}") == f"my system{chr(0xFFFD) * 2}"
    True
    """
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _markdown(view: View) -> str:
    lines = [f"### {view.table.paper}, Table {view.table.table}: {view.table.title}", ""]
    for section in view.sections:
        if section.language is not None:
            lines += [f"**{section.language.upper()}**", ""]
        heads = [" ".join(head_label(section, *head)) for head in section.heads]
        lines += [_line(["system", "whose figures", *heads])]
        lines += ["|---|---|" + "---:|" * len(heads)]
        for row in section.rows:
            lines.append(_line([_escaped(row.system), row.whose, *map(_marked, row.cells)]))
        lines.append("")
    lines += [f"- Judges in the paper: {view.table.judges}."]
    lines += [f"- Nothing of ours is here. It needs {view.missing}."] if view.missing else []
    lines += [f"- Judge here, {_escaped(judge)}." for judge in view.judges]
    lines += [f"- About the paper's figures: {note}" for note in view.errata]
    lines += [f"- [{number}] {_escaped(note)}" for number, note in enumerate(view.footnotes, 1)]
    return "\n".join([*lines, ""])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escaped(text: str) -> str:
    """Text that is no table, link or HTML, whatever a system is called; `_` in a word is safe."""
    return re.sub(r"[\\|*<>\[\]]|\b_|_\b", r"\\\g<0>", visible(text))


def _marked(cell: Cell) -> str:
    return cell.text if cell.note is None else f"{cell.text} [{cell.note}]"


def _csv(view: View) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for section in view.sections:
        for row in section.rows:
            for cell in row.cells:
                metric = cell.column.metric_in(cell.language)
                if cell.value is None and cell.missing is None:
                    continue  # a cell that the paper leaves empty
                writer.writerow(
                    [
                        *(view.table.paper, view.table.table, row.whose, row.system),
                        *(cell.language, cell.column.task, metric),
                        *(cell.value, cell.low, cell.high, cell.count, cell.judge, cell.missing),
                    ]
                )
    return file.getvalue()


def _html(views: Sequence[View], rest: Sequence[Measurement]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("trainer.metrics", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["visible"] = visible
    environment.globals |= {"head_label": head_label, "rest_line": rest_line, "REST": REST}
    return environment.get_template("page.html").render(views=views, rest=rest)
