"""InstructTTSEval's file as cases: every text under three kinds of instruction."""

from __future__ import annotations

from pathlib import Path

from trainer.evaluating.case import INSTRUCT, Case
from trainer.metrics.instruct_items import read_items


def instruct_cases(path: str, language: str, count: int | None) -> list[Case]:
    """Three cases an entry: acoustic parameters, a description of style, a role.

    Args:
        path: the benchmark's JSON, see `trainer.metrics.instruct_items`.
        language: of the file, ISO 639-1.
        count: only the first entries; None: all.

    Raises:
        UsageError: the file cannot be read, or an entry is not of its form.
    """
    items = read_items(Path(path))
    return [
        Case(
            id=f"{task}-{language}-{number:04d}",
            task=task,
            language=language,
            text=item.text,
            instruction=item.directive(task).instruction,
        )
        for task in INSTRUCT
        for number, item in enumerate(items[:count])
    ]
