"""What a judge heard in one case as one system spoke it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.arrow import column

MEASUREMENTS = "measurements.jsonl"


def score_folder(folder: Path, system: str) -> Path:
    """Where the verdicts on a system and its figures lie."""
    return folder / "scores" / system


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One verdict; which of its columns are used is the judge's matter."""

    key: str = column("Hash of the judge, the case and what was spoken.")
    case_id: str = column("Of the case; of the first, where several have the same speech.")
    text: str | None = column("A transcript.", default=None)
    value: float | None = column("A figure.", default=None)
    labels: tuple[str, ...] = column("Names of the scores.", default=())
    scores: tuple[float, ...] = column("One a label.", default=())
    vector: tuple[float, ...] = column("Of what was spoken.", default=())
    against: tuple[float, ...] = column("Of what it is held against; empty: nothing.", default=())
    why: str | None = column("Why there is no verdict; null where there is one.", default=None)
