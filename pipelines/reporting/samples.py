"""A few rows of a stage's output to read and to hear: bounded, and the same rows every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pipelines.reporting.distributions import EMOTION
from pipelines.reporting.facts import Example
from pipelines.reporting.parts import spread
from pipelines.reporting.sound import SoundBudget
from pipelines.stage import StageOutput, read_part

EXAMPLE_PARTS = 8  # parts looked into for examples ...
EXAMPLE_ROWS = 250  # ... and rows from the start of each

Row = Mapping[str, Any]


def read_examples(
    outputs: Sequence[StageOutput], budget: SoundBudget, number: int
) -> tuple[str | None, tuple[Example, ...]]:
    """Rows of the latest stage that wrote utterances, as (stage, examples)."""
    for output in reversed(outputs):
        rows = list(first_rows(output.parts))
        if rows and "text" in rows[0]:
            chosen = choose(rows, number)
            return output.facts.stage, tuple(_example(row, budget) for row in chosen)
    return None, ()


def first_rows(parts: Sequence[str]) -> Iterator[Row]:
    """Rows to choose from: the first of some parts, all over the output."""
    for part in spread(parts, EXAMPLE_PARTS):
        for table in read_part(part, limit=EXAMPLE_ROWS):
            yield from table.to_pylist()


def _marks(row: Row) -> tuple[object, ...]:
    return _mark(row), row["language"], row["speaker"]


def choose(
    rows: Sequence[Row], number: int, marks: Callable[[Row], tuple[object, ...]] = _marks
) -> list[Row]:
    """Rows that differ: by value or emotion, then by language, then by speaker; ties by order.

    A row without either counts as if one had been chosen: there is less to see on it.

    Args:
        rows: to choose from.
        number: of rows, at most.
        marks: what rows are to differ by instead, the most telling first.

    >>> rows = [{"value": v, "language": "en", "speaker": s} for v, s in ["ha", "ha", "hb", "lc"]]
    >>> [row["value"] + row["speaker"] for row in choose(rows, 3)]
    ['ha', 'lc', 'hb']
    """
    marked = [(row, marks(row)) for row in rows]
    taken: Counter[tuple[int, object]] = Counter({(0, None): 1})  # by place and mark
    chosen = list[Row]()
    while marked and len(chosen) < number:
        ranks = [tuple(taken[one] for one in enumerate(own)) for _, own in marked]
        row, own = marked.pop(ranks.index(min(ranks)))
        taken.update(enumerate(own))
        chosen.append(row)
    return chosen


def _mark(row: Row) -> str | None:
    return row.get("value") or emotion_of(row)


def emotion_of(row: Row) -> str | None:
    """The emotion that the corpus labels, the first if there are several.

    >>> emotion_of({"labels": [{"name": "age", "value": "9"}, {"name": "emotion", "value": "sad"}]})
    'sad'
    """
    labels = row.get("labels") or ()
    return next((str(one["value"]) for one in labels if one["name"] == EMOTION), None)


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
        emotion=emotion_of(row),
        portrait=_present(
            ("personality", row.get("personality")), ("speaking style", row.get("speaking_style"))
        ),
        chat_model=row.get("chat_model"),
        sound=sound,
        no_sound=no_sound,
    )


def _present(*pairs: tuple[str, str | None]) -> tuple[tuple[str, str], ...]:
    return tuple((name, text) for name, text in pairs if text)
