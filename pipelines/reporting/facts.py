"""What the report knows about a corpus: dataclasses, and the arithmetic between its stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.reporting.distributions import LabelCounts
from pipelines.reporting.drama import DramaReport
from pipelines.reporting.purchases import Purchases
from pipelines.reporting.scene_samples import SceneExample
from pipelines.reporting.set_facts import TrainingSet
from pipelines.reporting.sound import Sound
from pipelines.reporting.training import TrainingRun
from schemas import StageFacts

VALUE_ORDER = ("high", "medium", "low")
NOT_JUDGED = "not judged"
HOURS_TOLERANCE = 1e-4  # stage.json rounds each figure to 1e-6 h; a dozen of them add up


@dataclass(frozen=True, kw_only=True)
class RejectedRow:
    """One rejected record, for a person to look at."""

    record_id: str
    detail: str
    location: str
    duration: float | None  # seconds; None where it is not known
    text: str | None = None  # as the stage before had it; None where nothing was before
    speaker: str | None = None
    sound: Sound | None = None
    no_sound: str | None = None  # why there is none, where it should be there


@dataclass(frozen=True, kw_only=True)
class RejectedSample:
    """The first few rejected records of one reason, of all the stage rejected for it."""

    stage: str
    reason: str
    rows: int
    hours: float
    shown: tuple[RejectedRow, ...]


@dataclass(frozen=True, kw_only=True)
class Example:
    """One utterance before and after annotation. All text is the outside world's: hostile."""

    id: str
    text: str
    language: str
    speaker: str
    duration: float  # seconds
    metadata: tuple[tuple[str, str], ...]  # (what, text): title, tags, character, labels, ...
    instruction: str | None
    value: str | None
    emotion: str | None  # as the corpus labels it
    portrait: tuple[tuple[str, str], ...]  # (what, text): personality, speaking style
    chat_model: str | None
    sound: Sound | None = None
    no_sound: str | None = None  # why there is none, where it should be there


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What one stage rejected for one reason."""

    stage: str
    reason: str
    rows: int
    hours: float


@dataclass(frozen=True, kw_only=True)
class ValueCounts:
    """Rows by information value at one point of the pipeline."""

    label: str
    counts: tuple[tuple[str, int], ...]  # high, medium, low, then whatever else was counted

    @property
    def total(self) -> int:
        """All rows counted."""
        return sum(rows for _, rows in self.counts)


@dataclass(frozen=True, kw_only=True)
class StageReport:
    """One finished stage: its facts, the facts of its last run, samples of what it rejected."""

    facts: StageFacts
    run: Mapping[str, float] = field(default_factory=dict)  # content of <folder>.run.json
    rejected: tuple[RejectedSample, ...] = ()

    @property
    def losses(self) -> list[Loss]:
        """By reason, the most hours first; rows, then the name, break ties."""
        facts = self.facts
        losses = [
            Loss(
                stage=facts.stage,
                reason=reason,
                rows=rows,
                hours=facts.rejected_hours.get(reason, 0.0),
            )
            for reason, rows in facts.rejected.items()
            if rows
        ]
        return sorted(losses, key=lambda loss: (-loss.hours, -loss.rows, loss.reason))

    @property
    def adds_up(self) -> bool:
        """Whether rows and hours in are those out plus those rejected."""
        facts = self.facts
        lost = sum(facts.rejected_hours.values())
        return (
            facts.rows_in == facts.rows_out + sum(facts.rejected.values())
            and abs(facts.hours_in - facts.hours_out - lost) <= HOURS_TOLERANCE
        )

    @property
    def values(self) -> list[ValueCounts]:
        """The distributions in the stage's counts: ``value.high``, ``value_in.high``, ...

        Rows that no value was counted for, or ``none``, are those that had nothing to judge.
        """
        found = []
        facts = self.facts
        for prefix, label, rows_there in (
            ("value.", facts.stage, facts.rows_out),
            ("value_in.", f"into {facts.stage}", facts.rows_in),
            ("value_out.", f"out of {facts.stage}", facts.rows_out),
        ):
            counts: Counter[str] = Counter()
            for key, rows in facts.counts.items():
                if key.startswith(prefix):
                    name = key.removeprefix(prefix)
                    counts[NOT_JUDGED if name == "none" else name] += rows
            judged = sum(counts.values())
            if judged:
                if judged < rows_there:
                    counts[NOT_JUDGED] += rows_there - judged
                order = [*VALUE_ORDER, *sorted(counts.keys() - set(VALUE_ORDER))]
                present = tuple((name, counts[name]) for name in order if counts[name])
                found.append(ValueCounts(label=label, counts=present))
        return found


@dataclass(frozen=True, kw_only=True)
class CorpusReport:
    """One corpus or training set: its finished stages in order, and which are missing."""

    source: str
    stages: tuple[StageReport, ...]
    missing: tuple[str, ...]
    examples: tuple[Example, ...] = ()
    examples_stage: str | None = None  # the stage whose output the examples are
    drama: DramaReport | None = None  # of a corpus of role-play scenes
    scenes: tuple[SceneExample, ...] = ()  # of such a corpus, instead of examples
    labels: tuple[LabelCounts, ...] = ()  # of a labelled corpus
    training_set: TrainingSet | None = None  # of a composed training set

    @property
    def first(self) -> StageFacts | None:
        """The facts of the earliest finished stage; None where nothing has run."""
        return self.stages[0].facts if self.stages else None

    @property
    def last(self) -> StageFacts | None:
        """The facts of the latest finished stage; None where nothing has run."""
        return self.stages[-1].facts if self.stages else None

    @property
    def losses(self) -> list[Loss]:
        """Over all stages, the most hours first; ties in the order of the stages."""
        losses = [loss for stage in self.stages for loss in stage.losses]
        return sorted(losses, key=lambda loss: (-loss.hours, -loss.rows))

    @property
    def run(self) -> Counter[str]:
        """Facts of the runs, over all stages; the peak of memory is the largest."""
        total: Counter[str] = Counter()
        for stage in self.stages:
            for name, number in stage.run.items():
                if name == "peak_rss_bytes":
                    total[name] = max(total[name], int(number))
                else:
                    total[name] += number  # type: ignore[assignment]  # seconds are floats
        return total

    @property
    def values(self) -> list[ValueCounts]:
        """Value distributions in pipeline order; one that repeats the one before is left out."""
        kept: list[ValueCounts] = []
        for values in (values for stage in self.stages for values in stage.values):
            if not kept or kept[-1].counts != values.counts:
                kept.append(values)
        return kept


@dataclass(frozen=True, kw_only=True)
class Report:
    """Every corpus and set that was asked for, what was trained, and where its evaluation is."""

    corpora: tuple[CorpusReport, ...]
    sets: tuple[CorpusReport, ...] = ()  # training sets, each with its training_set once composed
    training: tuple[TrainingRun, ...] = ()
    evaluation: str | None = None  # the papers' tables, as the page links them
    purchases: tuple[Purchases, ...] = ()  # of each journal
