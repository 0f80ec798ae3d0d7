"""The report on the terminal: the funnel, and where the hours went."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.reporting.drama import DramaReport
from pipelines.reporting.facts import CorpusReport, Report, StageReport
from pipelines.reporting.notices import notices
from pipelines.reporting.set_facts import TrainingSet
from pipelines.reporting.spending import spending
from pipelines.reporting.training import TrainingRun
from pipelines.reporting.wording import (
    TimeUnit,
    count,
    figure,
    money,
    seconds,
    share,
    time_unit,
    visible,
    words,
)


def show(report: Report, console: Console) -> None:
    """Prints every corpus."""
    for corpus in report.corpora:
        _show_corpus(corpus, console)
    for composed in report.sets:
        if composed.training_set is not None:
            console.print(Text(set_line(composed, composed.training_set)))
            _show_notices(composed, console)
    for run in report.training:
        console.print(Text(training_line(run)))


def _show_corpus(corpus: CorpusReport, console: Console) -> None:
    # Text objects throughout: a name with [brackets] in it must not be taken for markup.
    console.print(Text(visible(corpus.source), style="bold"))
    first, last = corpus.first, corpus.last
    if first is not None and last is not None:
        unit = time_unit(first.hours_in)
        console.print(funnel_table(corpus, unit))
        console.print(losses_table(corpus, unit))
        if corpus.drama is not None:
            console.print(table1(corpus.drama))
        for stage in corpus.stages:
            line = _spending_line(stage)
            if line:
                console.print(Text(line))
    _show_notices(corpus, console)
    console.print()


def _show_notices(corpus: CorpusReport, console: Console) -> None:
    for notice in notices(corpus):
        console.print(Text(f"note: {visible(notice.text)}", style="yellow"))
        if notice.command:  # on a line of its own and never broken: it is there to be copied
            console.print(Text(f"      {visible(notice.command)}"), soft_wrap=True)


def funnel_table(corpus: CorpusReport, unit: TimeUnit) -> Table:
    """One row a stage: rows and hours in and out, speakers, rejected."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("stage")
    for heading in ("rows in", "rows out", f"{unit.name} in", f"{unit.name} out"):
        table.add_column(heading, justify="right")
    table.add_column("speakers", justify="right")
    table.add_column("rejected", justify="right")
    for stage in corpus.stages:
        facts = stage.facts
        table.add_row(
            Text(visible(facts.stage)),
            count(facts.rows_in),
            count(facts.rows_out),
            unit.number(facts.hours_in),
            unit.number(facts.hours_out),
            count(facts.speakers_out),
            count(sum(facts.rejected.values())),
        )
    return table


def table1(drama: DramaReport) -> Table:
    """MCLP Table 1 from the run."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Table 1", title_justify="left")
    first, *others = drama.table1_header
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right")
    for row in drama.table1:
        table.add_row(*row)
    return table


def training_line(run: TrainingRun) -> str:
    """One line on a run of the trainer: its curves' first and last values."""
    curves = [f"{one.name} {figure(one.first)} -> {figure(one.last)}" for one in run.curves]
    return f"training {visible(run.name)}: {', '.join([f'{count(run.steps)} steps', *curves])}"


def set_line(composed: CorpusReport, made: TrainingSet) -> str:
    """One line on a training set: its rows, what they are of, and what was left out."""
    facts = [f"{count(made.prompts)} rows to train on"]
    if made.spoken and composed.last is not None:
        hours = composed.last.hours_out
        facts.append(time_unit(hours).text(hours))
    facts += [f"{name} {count(rows)}" for name, rows, _ in made.languages]
    lost = [f"{words(loss.reason)} {count(loss.rows)}" for loss in composed.losses]
    facts.append(f"left out: {', '.join(lost) or 'nothing'}")
    return visible(f"set {composed.source}: {', '.join(facts)}")


def losses_table(corpus: CorpusReport, unit: TimeUnit) -> Table:
    """Where did my hours go: every stage and reason with its share of the hours that came in."""
    title = f"where did my {unit.plural} go"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    table.add_column("stage")
    table.add_column("reason")
    for heading in ("rows", unit.name, "share"):
        table.add_column(heading, justify="right")
    first, last = corpus.first, corpus.last
    if first is None or last is None:
        return table
    for loss in corpus.losses:
        table.add_row(
            Text(visible(loss.stage)),
            Text(visible(words(loss.reason))),
            count(loss.rows),
            unit.lost(loss.hours),
            share(loss.hours, first.hours_in),
        )
    table.add_section()
    table.add_row(
        Text(visible(last.stage)),
        "kept",
        count(last.rows_out),
        unit.number(last.hours_out),
        share(last.hours_out, first.hours_in),
    )
    return table


def _spending_line(stage: StageReport) -> str | None:
    """One line on a stage that asked a chat model; None for the others."""
    spent = spending(stage.run)
    if not spent.chats:
        return None
    facts = [f"{count(spent.calls or 0)} calls"]
    if spent.cached_calls is not None:
        facts.append(f"{count(spent.cached_calls)} from the journal")
    if spent.prompt_tokens:
        cached = share(spent.cached_prompt_tokens or 0, spent.prompt_tokens)
        facts.append(f"{count(spent.prompt_tokens)} prompt tokens ({cached} in the prefix cache)")
    if not spent.cost_known:
        facts.append("cost not known")
    elif spent.cost_usd is not None:
        facts.append(money(spent.cost_usd))
    if spent.seconds is not None:
        facts.append(seconds(spent.seconds))
    return f"{visible(stage.facts.stage)}: {', '.join(facts)}"
