"""The one line with which a command ends: what went in, what came out, what was lost and why."""

from __future__ import annotations

from schemas import StageFacts


def summary(facts: StageFacts) -> str:
    """A stage's facts in one line; reasons by how often they occur, ties by name.

    >>> facts = StageFacts(stage="select", source="emilia", unit="utterance", rows_in=120,
    ...     rows_out=80, rejected={"name_leaked": 5, "value_not_kept": 35}, hours_in=0.05,
    ...     hours_out=0.031, rejected_hours={}, speakers_in=2, speakers_out=2, backend=None,
    ...     prompt_sha256={}, counts={})
    >>> summary(facts)
    'select emilia: 120 in, 80 out, 40 rejected (value_not_kept 35, name_leaked 5), 0.03 h out'
    """
    reasons = sorted(facts.rejected.items(), key=lambda reason: (-reason[1], reason[0]))
    why = ", ".join(f"{reason} {count:,}" for reason, count in reasons)
    rejected = f"{sum(facts.rejected.values()):,} rejected" + (f" ({why})" if why else "")
    return (
        f"{facts.stage} {facts.source}: {facts.rows_in:,} in, {facts.rows_out:,} out, "
        f"{rejected}, {facts.hours_out:,.2f} h out"
    )
