from __future__ import annotations

import io

from rich.console import Console

from trainer.evaluating.short import show
from trainer.metrics.measurement import Measurement


def measurement(
    task: str, metric: str, value: float | None = None, missing: str | None = None
) -> Measurement:
    return Measurement(
        system="tiny [1]",
        task=task,
        language="en",
        metric=metric,
        value=value,
        missing=missing,
        count=0 if value is None else 5,
        low=None,
        high=None,
        judge=None,
    )


def test_figures_with_their_counts_and_dashes_with_their_reasons() -> None:
    console = Console(record=True, width=80, file=io.StringIO())
    found = [
        measurement("tr_easy", "sv", 80.0),
        measurement("to_easy", "acc_i", missing="needs the package funasr"),
        measurement("to_easy", "wer", 111.1111),
        measurement("tr_easy", "acc_i", missing="needs the package funasr"),
        measurement("tr_easy", "e_sim", missing="nobody listened"),
    ]
    show(found, console)
    lines = [line.rstrip() for line in console.export_text().splitlines() if line.strip()]
    assert lines[0].split() == ["task", "metric", "tiny", "[1]"]  # no markup
    assert [line.split() for line in lines[2:7]] == [
        ["to", "easy", "en", "acc", "i", "–", "[1]"],
        ["wer", "111.1", "(5)"],
        ["tr", "easy", "en", "sv", "80", "(5)"],
        ["acc", "i", "–", "[1]"],
        ["e", "sim", "–", "[2]"],
    ]
    assert lines[7:] == ["[1] needs the package funasr", "[2] nobody listened"]
