"""Draws the stages of dvc.yaml, a row each, as SVG: readable on a phone, in light and in dark.

python -m tools.dag_picture  # writes docs/pictures/*.svg
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml

from tools.dag_stages import Stage, lanes_of, only, read_stages

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
NOTES = Path(__file__).parent / "dag_notes.yaml"

WIDTH = 360  # px, of a narrow phone: nothing is scaled down there
_TOP, _GAP, _LINE, _LANE = 52, 30, 16, 16  # px
_PX_PER_CHARACTER = 6.4  # of the notes' 12 px, in a wide font


def main() -> int:
    """Writes every picture and returns the exit status."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, svg in draw_all().items():
        (PICTURES / name).write_text(svg, encoding="utf-8")
        print(f"docs/pictures/{name}")
    return 0


def draw_all(root: Path = ROOT) -> dict[str, str]:
    """File name -> SVG, for each picture of tools/dag_notes.yaml.

    Raises:
        ValueError: the notes and dvc.yaml do not name the same stages.
    """
    notes: dict[str, dict[str, Any]] = yaml.safe_load(NOTES.read_text(encoding="utf-8"))
    skipped = notes.pop("not_drawn")
    named = [name for picture in notes.values() for name in picture["stages"]]
    stages = read_stages(root, {*named, *skipped})
    return {
        f"{name}.svg": draw(picture["title"], only(stages, picture["stages"]), picture["stages"])
        for name, picture in notes.items()
    }


def draw(title: str, stages: Sequence[Stage], notes: dict[str, str]) -> str:
    """One picture.

    Args:
        title: its heading.
        stages: in order; each is a row.
        notes: what is said of each, by name.
    """
    lanes = lanes_of(stages)
    text_x = 36 + _LANE * max(lanes.values())
    width = int((WIDTH - text_x - 12) / _PX_PER_CHARACTER)  # in characters
    rows: list[dict[str, Any]] = []
    y = _TOP
    for stage in stages:
        lines = textwrap.wrap(notes[stage.name], width)
        rows.append(
            {
                "label": _label(stage.name),
                "asks": stage.asks,
                "parents": [_label(parent) for parent in stage.parents],
                "note": notes[stage.name],
                "lines": lines,
                "x": 20 + _LANE * lanes[stage.name],
                "y": y,
            }
        )
        y += _GAP + _LINE * len(lines)
    places = {stage.name: (row["x"], row["y"]) for stage, row in zip(stages, rows, strict=True)}
    wires = [_wire(places[parent], places[s.name]) for s in stages for parent in s.parents]
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "docs_pages")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("dag.svg.jinja2").render(
        title=title, rows=rows, wires=wires, text_x=text_x, width=WIDTH, height=y - 8
    )


def _wire(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Down the lane it starts in, and over to the other one just before its end."""
    (x, y), (to_x, to_y) = start, end
    if x == to_x:
        return f"M{x} {y}V{to_y}"
    bend = to_y - 34
    return f"M{x} {y}V{max(y, bend)}C{x} {to_y - 12} {to_x} {to_y - 22} {to_x} {to_y}"


def _label(name: str) -> str:
    return name.rpartition("@")[2]


if __name__ == "__main__":
    sys.exit(main())
