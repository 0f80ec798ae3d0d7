"""What a stage reports about itself: the numbers in ``stage.json`` and how parts add up."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def no_hashes() -> Hashes:
    """An empty set of hashes."""
    return np.empty(0, dtype=np.uint64)


@dataclass(frozen=True, kw_only=True)
class PartFacts:
    """Counts of one part, mergeable in any order: parts of one stage add up to its facts.

    Durations are summed in whole microseconds, so that the sum does not depend on the order in
    which workers finish.
    """

    rows_in: int = 0
    rows_out: int = 0
    microseconds_in: int = 0
    microseconds_out: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_microseconds: Counter[str] = field(default_factory=Counter)
    speakers_in: Hashes = field(default_factory=no_hashes)  # sorted 64-bit hashes of the labels
    speakers_out: Hashes = field(default_factory=no_hashes)
    counts: Counter[str] = field(default_factory=Counter)  # the stage's own, "value.high" say
    run: Counter[str] = field(default_factory=Counter)  # facts of the run: calls, tokens, cost

    def __add__(self, other: PartFacts) -> PartFacts:
        """Both parts together."""
        return PartFacts(
            rows_in=self.rows_in + other.rows_in,
            rows_out=self.rows_out + other.rows_out,
            microseconds_in=self.microseconds_in + other.microseconds_in,
            microseconds_out=self.microseconds_out + other.microseconds_out,
            rejected=_sum(self.rejected, other.rejected),
            rejected_microseconds=_sum(self.rejected_microseconds, other.rejected_microseconds),
            speakers_in=np.union1d(self.speakers_in, other.speakers_in),
            speakers_out=np.union1d(self.speakers_out, other.speakers_out),
            counts=_sum(self.counts, other.counts),
            run=_sum(self.run, other.run),
        )


def _sum(one: Counter[str], other: Counter[str]) -> Counter[str]:
    # Counter's own + drops entries that are not positive, and a zero is a fact too.
    return Counter({key: one[key] + other[key] for key in one.keys() | other.keys()})


@dataclass(frozen=True, kw_only=True)
class StageFacts:
    """The deterministic facts of one stage: the content of ``stage.json``."""

    stage: str
    source: str
    unit: str  # what `in = out + rejected` counts
    rows_in: int
    rows_out: int
    rejected: dict[str, int]
    hours_in: float
    hours_out: float
    rejected_hours: dict[str, float]
    speakers_in: int
    speakers_out: int
    backend: str | None  # model and version that made this stage's output; None without one
    prompt_sha256: dict[str, str]  # prompt name/version -> hash
    counts: dict[str, int]
    # Files of the output, by their path in its folder -> bytes; None in folders that were made
    # before they were listed. What comes next can tell by it that a part is missing.
    parts: dict[str, int] | None = None

    @classmethod
    def of_parts(
        cls,
        total: PartFacts,
        *,
        stage: str,
        source: str,
        unit: str,
        backend: str | None,
        prompt_sha256: dict[str, str],
    ) -> StageFacts:
        """The facts of a stage from the sum of its parts; the files are not listed yet."""
        return cls(
            stage=stage,
            source=source,
            unit=unit,
            rows_in=total.rows_in,
            rows_out=total.rows_out,
            rejected=dict(total.rejected),
            hours_in=hours(total.microseconds_in),
            hours_out=hours(total.microseconds_out),
            rejected_hours={key: hours(us) for key, us in total.rejected_microseconds.items()},
            speakers_in=len(total.speakers_in),
            speakers_out=len(total.speakers_out),
            backend=backend,
            prompt_sha256=prompt_sha256,
            counts=dict(total.counts),
        )

    def to_json(self) -> str:
        """One stable text: sorted keys, fixed rounding, a final newline."""
        content = dict(vars(self))
        content["in"], content["out"] = content.pop("rows_in"), content.pop("rows_out")
        if self.parts is None:
            del content["parts"]
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> StageFacts:
        """The inverse of :meth:`to_json`.

        Raises:
            ValueError: the text is not the JSON of a stage's facts.
        """
        try:
            content = json.loads(text)
            content["rows_in"], content["rows_out"] = content.pop("in"), content.pop("out")
            facts = cls(**content)
            if facts.parts is not None:
                _check_parts(facts.parts)
            return facts
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"not the facts of a stage: {error}") from error


def _check_parts(parts: object) -> None:
    """The list decides which files are looked for, so it names none outside of its folder."""
    if not isinstance(parts, dict):
        raise TypeError("parts: not an object")
    for name, size in parts.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise TypeError(f"parts: {name[:100]}: not a number of bytes")
        if name.startswith("/") or ".." in name.split("/"):
            raise TypeError(f"parts: {name[:100]}: leads out of the folder")


def hours(microseconds: int) -> float:
    """Microseconds as hours, rounded to a tenth of a second.

    >>> hours(3_600_000_000)
    1.0
    """
    return round(microseconds / 3.6e9, 6)
