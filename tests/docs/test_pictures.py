"""The pictures are what their command draws of dvc.yaml today, and can be read."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tools import dag_picture
from tools.dag_stages import Stage, lanes_of, only, read_stages

SVG = "{http://www.w3.org/2000/svg}"


def test_the_pictures_are_those_of_the_present_stages() -> None:
    """Where this fails, ``python -m tools.dag_picture`` draws them anew."""
    drawn = dag_picture.draw_all()
    assert set(drawn) == {path.name for path in dag_picture.PICTURES.glob("*.svg")}
    for name, svg in drawn.items():
        assert (dag_picture.PICTURES / name).read_text(encoding="utf-8") == svg, name


@pytest.mark.parametrize("name", ["instruct.svg", "drama.svg", "training.svg"])
def test_a_picture_fits_a_phone_and_says_in_words_what_it_shows(name: str) -> None:
    text = (dag_picture.PICTURES / name).read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert int(root.attrib["width"]) <= 360
    described = root.find(f"{SVG}desc")
    assert described is not None and described.text
    names = [item.text for item in root.iter(f"{SVG}text") if item.get("class") == "name"]
    assert len(names) > 8
    assert all(str(label) in described.text for label in names)
    assert "prefers-color-scheme: dark" in text
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", text)]
    assert sizes and min(sizes) >= 11


def test_a_stage_without_a_note_is_an_error() -> None:
    with pytest.raises(ValueError, match="ingest_episodes"):
        read_stages(dag_picture.ROOT, {"ingest"})


def test_lines_come_from_what_a_stage_reads() -> None:
    names = {"ingest", "annotate", "select", "emit", "annotate_labels", "compose_s2"}
    found = {s.name: s for s in only(read_stages(dag_picture.ROOT, _all()), names)}
    assert found["annotate"].parents == ("ingest",) and found["annotate"].asks == "chat model"
    assert found["compose_s2"].parents == ("annotate", "annotate_labels")
    assert found["emit"].parents == ("select",) and found["emit"].asks == ""


def test_no_line_runs_through_the_stage_of_another() -> None:
    stages = only(read_stages(dag_picture.ROOT, _all()), _all())
    lanes, rows = lanes_of(stages), {stage.name: row for row, stage in enumerate(stages)}
    assert len(stages) > 25
    for stage in stages:
        for parent in stage.parents:
            between = range(rows[parent] + 1, rows[stage.name])
            assert all(lanes[stages[row].name] != lanes[parent] for row in between), stage


def test_a_shared_parent_keeps_its_lane_until_its_last_child() -> None:
    a, b, c = Stage("a", "", ()), Stage("b", "", ("a",)), Stage("c", "", ("a",))
    assert lanes_of([a, b, c]) == {"a": 0, "b": 1, "c": 0}


def _all() -> set[str]:
    import yaml

    notes = yaml.safe_load(dag_picture.NOTES.read_text(encoding="utf-8"))
    skipped = notes.pop("not_drawn")
    return {*(name for picture in notes.values() for name in picture["stages"]), *skipped}
