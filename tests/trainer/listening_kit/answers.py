"""Files as raters' pages save them, for raters who answer by a rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from trainer.listening.key import Key, KeyEntry, KeyItem, KeySheet
from trainer.listening.page import ratings_name

Rule = Callable[[KeyItem], float]  # CMOS: of the clip over the baseline


def answers(key: Key, sheet: KeySheet, rule: Rule) -> dict[str, object]:
    """What the rater's file says; gold items get a right answer unless the rule says otherwise."""

    def rating(entry: KeyEntry) -> float:
        score = rule(key.items[entry.item])
        return -score if entry.baseline_first is False else score  # the page asks for B over A

    return {
        "schema_version": 1,
        "test": key.test,
        "sheet": sheet.sheet,
        "rater": sheet.rater,
        "ratings": [{"item": entry.item, "rating": rating(entry)} for entry in sheet.entries],
    }


def honest(score: float) -> Rule:
    """The same score for all that counts, the right one for gold items."""
    return lambda item: score if item.low is None else item.low


def write_answers(folder: Path, key: Key, *rules: Rule) -> list[Path]:
    """A file for each rule, by the first raters of the key."""
    folder.mkdir(exist_ok=True)
    paths = []
    for sheet, rule in zip(key.sheets, rules, strict=False):
        paths.append(folder / ratings_name(key.test, sheet.rater))
        paths[-1].write_text(json.dumps(answers(key, sheet, rule)))
    return paths
