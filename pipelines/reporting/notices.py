"""What a reader of the report must know before trusting its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.reporting.facts import HOURS_TOLERANCE, CorpusReport
from pipelines.reporting.stage_reports import command
from pipelines.reporting.wording import count
from schemas import StageFacts

EMBEDDED = "embedded:"  # how facts name a backend: embedded:<model> or openai:<model>
_EMBEDDED_CHAT = (
    "The embedded chat model made the output of {stage} ({backend}). It is good enough to see the "
    "pipeline run, not to ship data: set CHAT_API_KEY for a full-size model and run the stage "
    "again."
)
_EMBEDDED = {
    "separate": (
        "A small model separated the vocals ({backend}); the paper used Demucs: "
        "separate.backend in params.yaml."
    ),
    "diarize": (
        "A small model found the speakers ({backend}); the paper used pyannote.audio: "
        "diarize.backend in params.yaml."
    ),
    "caption": (
        "The captions state measured facts of the picture only, light, colour and motion "
        "({backend}): they do not say what is to be seen. caption.backend in params.yaml chooses "
        "a model that does."
    ),
}


@dataclass(frozen=True)
class Notice:
    """One plain sentence or two, and the command that helps, where one does."""

    text: str
    command: str | None = None


def notices(corpus: CorpusReport) -> list[Notice]:
    """Everything worth a warning, the most important first."""
    return [*_embedded(corpus), *_missing(corpus), *_mismatches(corpus)]


def is_embedded(facts: StageFacts) -> bool:
    """Whether an embedded model made the stage's output."""
    return (facts.backend or "").startswith(EMBEDDED)


def _embedded(corpus: CorpusReport) -> Iterator[Notice]:
    for stage in corpus.stages:
        if is_embedded(stage.facts):
            text = _EMBEDDED.get(stage.facts.stage, _EMBEDDED_CHAT)
            yield Notice(text.format(stage=stage.facts.stage, backend=stage.facts.backend))


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
