"""What a reader of the report must know before trusting its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.reporting.facts import HOURS_TOLERANCE, CorpusReport
from pipelines.reporting.gather import command
from pipelines.reporting.wording import count
from schemas import StageFacts

EMBEDDED = "embedded:"  # how facts name a backend: embedded:<model> or openai:<model>


@dataclass(frozen=True)
class Notice:
    """One plain sentence or two, and the command that helps, where one does."""

    text: str
    command: str | None = None


def notices(corpus: CorpusReport) -> list[Notice]:
    """Everything worth a warning, the most important first."""
    return [*_embedded(corpus), *_missing(corpus), *_mismatches(corpus)]


def is_embedded(facts: StageFacts) -> bool:
    """Whether the embedded chat model made the stage's output."""
    return (facts.backend or "").startswith(EMBEDDED)


def _embedded(corpus: CorpusReport) -> Iterator[Notice]:
    for stage in corpus.stages:
        if is_embedded(stage.facts):
            yield Notice(
                f"The embedded chat model made the output of {stage.facts.stage} "
                f"({stage.facts.backend}). It is good enough to see the pipeline run, not to ship "
                "data: set CHAT_API_KEY for a full-size model and run the stage again."
            )


def _missing(corpus: CorpusReport) -> Iterator[Notice]:
    for verb in corpus.missing[:1]:
        rest = f" ({', '.join(corpus.missing[1:])} after it)" if corpus.missing[1:] else ""
        yield Notice(f"{verb} has not finished{rest}.", command(verb, corpus.source))


def _mismatches(corpus: CorpusReport) -> Iterator[Notice]:
    for stage in corpus.stages:
        if not stage.adds_up:
            yield Notice(
                f"{stage.facts.stage}: rows or hours in are not those out plus those rejected. "
                "Its stage.json is damaged or was edited.",
                command(stage.facts.stage, corpus.source),
            )
    for before, after in zip(corpus.stages, corpus.stages[1:], strict=False):
        one, other = before.facts, after.facts
        same_hours = abs(one.hours_out - other.hours_in) <= HOURS_TOLERANCE
        if one.rows_out != other.rows_in or not same_hours:
            yield Notice(
                f"{other.stage} read {count(other.rows_in)} {other.unit}s, but {one.stage} now "
                f"has {count(one.rows_out)}: it ran with --limit, or on an older {one.stage}.",
                command(other.stage, corpus.source),
            )
