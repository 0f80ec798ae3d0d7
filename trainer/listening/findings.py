"""An analysis as files and as a small table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainer.listening.analysis import Analysis
from trainer.listening.writing import write_text
from trainer.metrics.measurement import Measurement, write_measurements

HEADER = ("system", "task", "language", "clips", "mean", "95 %")


def write_findings(analysis: Analysis, output: Path) -> None:
    """Writes what was found into a folder.

    `measurements.jsonl` is for the tables, `clips.jsonl` has every clip's mean (what a metric may
    be compared with), and `raters.json` who was left out and why, and how far they agree.
    """
    output.mkdir(parents=True, exist_ok=True)
    write_measurements(output / "measurements.jsonl", analysis.measurements)
    lines = [
        {
            "system": clip.system,
            "task": clip.task,
            "language": clip.language,
            "case": clip.case,
            analysis.key.test: clip.mean,
            "ratings": list(clip.ratings),
        }
        for clip in analysis.clips
    ]
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    write_text(output / "clips.jsonl", text)
    raters = json.dumps(_raters(analysis), indent=1, ensure_ascii=False)
    write_text(output / "raters.json", f"{raters}\n")


def _raters(analysis: Analysis) -> dict[str, Any]:
    return {
        "sheets": len(analysis.key.sheets),
        "returned": len(analysis.returned),
        "kept": len(analysis.kept),
        "left_out": [
            {
                "rater": wrong.rater,
                "item": wrong.item,
                "score": wrong.score,
                "right": [wrong.low, wrong.high],
            }
            for wrong in analysis.wrong_gold
        ],
        "gold_items": sum(item.low is not None for item in analysis.key.items.values()),
        "items_with_fewer_ratings_than_planned": analysis.few,
        "items_without_ratings": list(analysis.unrated),
        "krippendorff_alpha_interval": analysis.alpha,
    }


def table(analysis: Analysis) -> str:
    """The means as lines of text, and below them who rated and how far they agree."""
    rows = [HEADER, *map(_row, analysis.measurements)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    alpha = "not defined" if analysis.alpha is None else f"{analysis.alpha:.3f}"
    planned = analysis.key.settings.ratings_per_clip
    return "\n".join(
        [
            *lines,
            "",
            f"raters: {len(analysis.key.sheets)} sheets, {len(analysis.returned)} came back, "
            f"{len(analysis.left_out)} left out by gold items, {len(analysis.kept)} counted",
            f"clips with fewer than {planned} ratings: {analysis.few}",
            f"Krippendorff's alpha (interval): {alpha}",
        ]
    )


def _row(found: Measurement) -> tuple[str, ...]:
    mean = "-" if found.value is None else f"{found.value:.2f}"
    half = ""
    if found.value is not None and found.low is not None:
        half = f"± {found.value - found.low:.2f}"
    return (found.system, found.task, found.language, str(found.count), mean, half)
