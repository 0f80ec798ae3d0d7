"""A table as it is shown: the paper's rows and those measured here, every cell accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainer.errors import UsageError
from trainer.metrics.averages import average
from trainer.metrics.measurement import Measurement
from trainer.metrics.paper_tables import Column, PaperFigure, PaperTable, metric_name

PAPER, HERE = "paper", "here"  # whose figure it is
NOT_RUN = "not evaluated here: there is no measurement of it"

Key = tuple[str, str, str, str]  # system, language, task, metric


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure, or none and why."""

    column: Column
    language: str
    value: float | None
    low: float | None = None
    high: float | None = None
    count: int | None = None  # None: the paper's, which gives none a cell
    judge: str | None = None
    missing: str | None = None  # None where there is a value, and where a paper has no figure
    note: int | None = None  # footnote that says what is missing

    @property
    def text(self) -> str:
        """The figure and how many cases it is over.

        >>> column = Column(task="to_easy", metric="q_mos", digits=2)
        >>> Cell(column, "en", 3.5, 3.0, 4.0, 12).text
        '3.50 ± 0.50 (n=12)'
        """
        return f"{self.figure} ({self.over})" if self.over else self.figure

    @property
    def over(self) -> str:
        """How many cases it is over; empty for a paper's."""
        return "" if self.value is None or self.count is None else f"n={self.count:,}"

    @property
    def figure(self) -> str:
        """The figure with the paper's digits, and its interval."""
        if self.value is None:
            return "–"
        digits = self.column.digits
        text = f"{self.value:.{digits}f}"
        if self.low is not None and self.high is not None:
            below, above = self.value - self.low, self.high - self.value
            if abs(below - above) < 10**-digits:
                text += f" ± {(below + above) / 2:.{digits}f}"
            else:
                text += f" [{self.low:.{digits}f}, {self.high:.{digits}f}]"
        return text


@dataclass(frozen=True, slots=True)
class Row:
    """One system's figures."""

    system: str
    whose: str  # PAPER or HERE
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under one heading."""

    language: str | None  # None: languages are columns
    heads: tuple[tuple[str, Column], ...]  # language and column
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class View:
    """One table."""

    name: str
    table: PaperTable
    sections: tuple[Section, ...]
    footnotes: tuple[str, ...]  # of cells without figure; the first is number 1
    judges: tuple[str, ...]  # who judged what was measured here
    errata: tuple[str, ...]  # about the paper's own figures

    @property
    def missing(self) -> str | None:
        """What is not there where nothing was measured, and no evaluation would have stored it."""
        return None if self.has_measured else self.table.needs

    @property
    def has_measured(self) -> bool:
        """Whether anything here was measured by whoever runs this."""
        return any(row.whose == HERE for section in self.sections for row in section.rows)


@dataclass(slots=True)
class _Builder:
    table: PaperTable
    found: Mapping[Key, Measurement]
    papers: bool
    footnotes: list[str] = field(default_factory=list)

    def sections(self) -> tuple[Section, ...]:
        languages = list(self.table.languages) if self.papers else []
        measured = {key[1] for key in self.found if self.table.shows(self.found[key])}
        languages += sorted(measured - set(languages))
        groups = [languages] if self.table.layout == "columns" else [[one] for one in languages]
        return tuple(self._section(group) for group in groups if group)

    def _section(self, languages: Sequence[str]) -> Section:
        heads = [(language, column) for language in languages for column in self.table.columns]
        rows = []
        for system in self.table.systems if self.papers else ():
            if any(system.figures(language) is not None for language in languages):
                cells: list[Cell] = []
                for language in languages:
                    figures = system.figures(language) or (None,) * len(self.table.columns)
                    cells += map(
                        _paper_cell, self.table.columns, [language] * len(figures), figures
                    )
                rows.append(Row(system.name, PAPER, tuple(cells)))
        for name in dict.fromkeys(
            one.system
            for one in self.found.values()
            if one.language in languages and self.table.shows(one)
        ):
            rows.append(Row(name, HERE, tuple(self._cell(name, *head) for head in heads)))
        heading = None if self.table.layout == "columns" else languages[0]
        return Section(heading, tuple(heads), tuple(rows))

    def _cell(self, system: str, language: str, column: Column) -> Cell:
        metric = column.metric_in(language)
        one = self.found.get((system, language, column.task, metric))
        if one is None and column.average_of:
            parts = [self.found.get((system, language, t, metric)) for t in column.average_of]
            figure = average({t: p for t, p in zip(column.average_of, parts, strict=True)})
            value, count, missing = figure.value, figure.count, figure.missing
            low = high = judge = None
        elif one is None:
            return Cell(column, language, None, missing=NOT_RUN, note=self._note(NOT_RUN))
        else:
            value, count, low, high = one.value, one.count, one.low, one.high
            judge, missing = one.judge, one.missing
        if value is not None:
            return Cell(column, language, value, low, high, count, judge)
        missing = missing or "no figure, and no reason given"
        return Cell(column, language, None, missing=missing, note=self._note(missing), judge=judge)

    def _note(self, text: str) -> int:
        if text not in self.footnotes:
            self.footnotes.append(text)
        return self.footnotes.index(text) + 1


def build_view(
    name: str, table: PaperTable, found: Sequence[Measurement], papers: bool = True
) -> View:
    """A paper's table with what was measured here below its rows, language by language.

    Raises:
        UsageError: two measurements are for the same cell.
    """
    by_key: dict[Key, Measurement] = {}
    for one in found:
        key = (one.system, one.language, one.task, one.metric)
        if key in by_key:
            raise UsageError(
                f"{' '.join(key)} is measured twice: keep one measurement of a system, language, "
                "task and metric"
            )
        by_key[key] = one
    builder = _Builder(table, by_key, papers)
    sections = builder.sections()
    judges = {
        f"{metric_name(cell.column.metric_in(cell.language))}: {cell.judge}": None
        for section in sections
        for row in section.rows
        for cell in row.cells
        if cell.judge is not None and cell.value is not None
    }
    notes = table.notes if papers else ()
    return View(name, table, sections, tuple(builder.footnotes), tuple(judges), notes)


def _paper_cell(column: Column, language: str, figure: PaperFigure) -> Cell:
    if isinstance(figure, tuple):
        middle, half = figure
        return Cell(column, language, middle, middle - half, middle + half)
    return Cell(column, language, figure)
