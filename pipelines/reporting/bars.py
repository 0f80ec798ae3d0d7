"""Bars as numbers: what part of a corpus each stretch of each bar stands for."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.reporting.facts import CorpusReport, Loss, StageReport, ValueCounts

COLOURS = 8  # of losses in the style sheet; they repeat after that


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """One coloured stretch of a bar."""

    name: str  # reason, value, or "kept"
    colour: str  # class of the style sheet
    rows: int
    hours: float
    percent_of_rows: float
    percent_of_hours: float
    anchor: str | None = None  # id of the place on the page that says more


@dataclass(frozen=True, kw_only=True)
class FunnelBar:
    """One stage: what it kept, then what it rejected by reason; the rest was lost before."""

    stage: StageReport
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, kw_only=True)
class ColouredLoss:
    """A loss with the colour and anchor that it has everywhere on the page."""

    loss: Loss
    colour: str
    anchor: str
    percent_of_hours: float


def coloured_losses(corpus: CorpusReport) -> list[ColouredLoss]:
    """The corpus's losses, the largest first, each with its colour."""
    hours_in = corpus.first.hours_in if corpus.first else 0.0
    return [
        ColouredLoss(
            loss=loss,
            colour=f"loss-{rank % COLOURS}",
            anchor=f"{corpus.source}-{loss.stage}-{loss.reason}",
            percent_of_hours=_percent(loss.hours, hours_in),
        )
        for rank, loss in enumerate(corpus.losses)
    ]


def funnel_bars(corpus: CorpusReport) -> list[FunnelBar]:
    """One bar a stage, all to the scale of what went into the first stage."""
    if corpus.first is None:
        return []
    rows_in, hours_in = corpus.first.rows_in, corpus.first.hours_in
    by_loss = {coloured.loss: coloured for coloured in coloured_losses(corpus)}
    bars = []
    for stage in corpus.stages:
        kept = Stretch(
            name="kept",
            colour="kept",
            rows=stage.facts.rows_out,
            hours=stage.facts.hours_out,
            percent_of_rows=_percent(stage.facts.rows_out, rows_in),
            percent_of_hours=_percent(stage.facts.hours_out, hours_in),
        )
        lost = [
            Stretch(
                name=loss.reason,
                colour=by_loss[loss].colour,
                rows=loss.rows,
                hours=loss.hours,
                percent_of_rows=_percent(loss.rows, rows_in),
                percent_of_hours=_percent(loss.hours, hours_in),
                anchor=by_loss[loss].anchor,
            )
            for loss in stage.losses
        ]
        bars.append(FunnelBar(stage=stage, stretches=(kept, *lost)))
    return bars


def value_stretches(values: ValueCounts) -> list[Stretch]:
    """One bar of a value distribution; its whole length is all rows counted."""
    return [
        Stretch(
            name=name,
            colour=f"value-{name}" if name in ("high", "medium", "low") else "value-other",
            rows=rows,
            hours=0.0,
            percent_of_rows=_percent(rows, values.total),
            percent_of_hours=0.0,
        )
        for name, rows in values.counts
        if rows
    ]


def _percent(part: float, whole: float) -> float:
    # Four digits: two machines' last bits of a float must not make two different pages.
    return round(100 * part / whole, 4) if whole else 0.0
