"""A few rows of a stage's output to look at: bounded, and the same rows every time."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.reporting.facts import Example, RejectedRow, RejectedSample
from pipelines.reporting.sound import SoundBudget
from pipelines.stage import StageOutput, read_part

EXAMPLES = 6  # of each corpus
EXAMPLE_PARTS = 8  # parts looked into for examples ...
EXAMPLE_ROWS = 250  # ... and rows from the start of each
PER_REASON = 3  # rejected rows shown of each reason
REJECTED_ROWS = 50_000  # rejected rows looked through for them, all parts together

Row = Mapping[str, Any]


def read_rejected(output: StageOutput) -> tuple[RejectedSample, ...]:
    """The first rejected rows of each reason, the reason with the most hours first.

    Stops as soon as every reason has its rows; a reason that does not occur among the first
    50,000 rejected rows is listed without any.
    """
    wanted = {reason: min(rows, PER_REASON) for reason, rows in output.facts.rejected.items()}
    found: dict[str, list[RejectedRow]] = {reason: [] for reason in wanted}
    for row in itertools.islice(_rows(output.rejected), REJECTED_ROWS):
        shown = found.setdefault(row["reason"], [])
        if len(shown) < PER_REASON:
            shown.append(
                RejectedRow(
                    record_id=row["record_id"],
                    detail=row["detail"],
                    location=row["location"],
                    duration=row["duration"],
                )
            )
        if all(len(found[reason]) >= number for reason, number in wanted.items()):
            break
    facts = output.facts
    order = sorted(
        (reason for reason, rows in facts.rejected.items() if rows),
        key=lambda reason: (-facts.rejected_hours.get(reason, 0.0), reason),
    )
    return tuple(
        RejectedSample(
            stage=facts.stage,
            reason=reason,
            rows=facts.rejected[reason],
            hours=facts.rejected_hours.get(reason, 0.0),
            shown=tuple(found[reason]),
        )
        for reason in order
    )


def read_examples(
    outputs: Sequence[StageOutput], budget: SoundBudget
) -> tuple[str | None, tuple[Example, ...]]:
    """Rows of the latest stage that wrote utterances, as (stage, examples)."""
    for output in reversed(outputs):
        rows = list(_rows(output.parts[:EXAMPLE_PARTS], EXAMPLE_ROWS))
        if rows and "text" in rows[0]:
            chosen = choose(rows, EXAMPLES)
            return output.facts.stage, tuple(_example(row, budget) for row in chosen)
    return None, ()


def choose(rows: Sequence[Row], number: int) -> list[Row]:
    """Rows that differ: in turn by value, then by language, then by speaker; ties by order.

    A row without a value counts as if one had been chosen: there is less to see on it.

    >>> rows = [{"value": v, "language": "en", "speaker": s} for v, s in ["ha", "ha", "hb", "lc"]]
    >>> [row["value"] + row["speaker"] for row in choose(rows, 3)]
    ['ha', 'lc', 'hb']
    """
    values, languages = Counter[str | None]({None: 1}), Counter[str]()
    speakers = Counter[str]()
    left, chosen = list(rows), list[Row]()
    while left and len(chosen) < number:
        ranks = [
            (values[row.get("value")], languages[row["language"]], speakers[row["speaker"]])
            for row in left
        ]
        row = left.pop(ranks.index(min(ranks)))
        values[row.get("value")] += 1
        languages[row["language"]] += 1
        speakers[row["speaker"]] += 1
        chosen.append(row)
    return chosen


def _rows(parts: Sequence[str], limit: int | None = None) -> Iterator[Row]:
    for part in parts:
        for table in read_part(part, limit=limit):
            yield from table.to_pylist()


def _example(row: Row, budget: SoundBudget) -> Example:
    sound, no_sound = budget.load(row)
    return Example(
        id=row["id"],
        text=row["text"],
        language=row["language"],
        speaker=row["speaker"],
        duration=row["duration"],
        metadata=_present(
            ("title", row.get("title")),
            ("tags", ", ".join(row.get("tags") or ())),
            ("character", row.get("character")),
            ("game", row.get("game")),
            (
                "labels",
                ", ".join(f"{one['name']} {one['value']}" for one in row.get("labels") or ()),
            ),
            ("description", row.get("description")),
        ),
        instruction=row.get("instruction"),
        value=row.get("value"),
        portrait=_present(
            ("personality", row.get("personality")), ("speaking style", row.get("speaking_style"))
        ),
        chat_model=row.get("chat_model"),
        sound=sound,
        no_sound=no_sound,
    )


def _present(*pairs: tuple[str, str | None]) -> tuple[tuple[str, str], ...]:
    return tuple((name, text) for name, text in pairs if text)
