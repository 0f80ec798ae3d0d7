"""One row of the scores."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.arrow import column

NO_CANDIDATE = "no_candidate"
NOT_SCORABLE = "not_scorable"


@dataclass(frozen=True, slots=True)
class Score:
    """The MCLP of one pair, or why it has none."""

    cut_id: str = column("Of the scene or utterance.")
    turn: int = column("Number of the turn in it, from 0.")
    candidate_id: str = column("What was held against the ground truth.")
    mclp: float | None = column("MCLP eq. 1, nats a token, below 0; null where it has none.")
    n_tokens: int = column("Audio tokens of the ground truth that the mean is over.")
    reason: str | None = column("no_candidate or not_scorable; null where there is a score.")
    detail: str | None = column("The same for a person.")
