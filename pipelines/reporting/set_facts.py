"""What the report knows of a training set beyond what it knows of every folder of stages."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.reporting.sound import Sound

Shares = tuple[tuple[str, int], ...]  # (label, rows)
Holdings = tuple[tuple[str, int, float], ...]  # (source or language, rows, hours)


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """The set's rows by one thing that they are composed by."""

    title: str
    counts: Shares

    @property
    def total(self) -> int:
        """All rows counted."""
        return sum(rows for _, rows in self.counts)


@dataclass(frozen=True, kw_only=True)
class Target:
    """One line of the table that sets a set beside its settings and the paper."""

    label: str
    here: str
    asked: str  # in params.yaml
    paper: str


@dataclass(frozen=True, kw_only=True)
class Voice:
    """One recording of a row: what it is there for, and what is heard. Outside text is hostile."""

    role: str
    id: str
    source: str | None = None  # None, like all that follows, where the row could not be found
    speaker: str | None = None
    emotion: str | None = None
    text: str | None = None
    seconds: float | None = None
    sound: Sound | None = None
    no_sound: str | None = None  # why there is none


@dataclass(frozen=True, kw_only=True)
class SetSample:
    """One row of a set. All text is the outside world's or a chat model's: hostile."""

    id: str
    source: str  # that the text is from, or who wrote it
    language: str
    instruction: str
    text: str
    emotion: str | None  # asked for; None where the instruction names none
    told: tuple[tuple[str, str], ...]  # (what, text): what else is known of the row
    voices: tuple[Voice, ...]  # none where nobody has spoken


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """A composed set: what is in it, beside what was asked for, and a few of its rows."""

    kind: str  # of its settings
    prompts: int  # rows to train on; the others are there because these point to them
    languages: Holdings  # the most rows first
    sources: Holdings
    kinds: tuple[Kinds, ...]
    targets: tuple[Target, ...]
    samples: tuple[SetSample, ...]

    @property
    def spoken(self) -> bool:
        """Whether somebody has spoken its rows."""
        return self.kind != "instructions"
