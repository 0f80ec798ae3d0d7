"""Labels of a labelled corpus, as the report counts them."""

from pathlib import Path

import pytest

from pipelines.reporting.distributions import SHOWN_VALUES, read_labels
from pipelines.reporting.gather import LABELLED, VERBS, gather
from pipelines.reporting.page import render
from schemas import Label
from tests.pipelines.reporting.stage_folders import WrittenStage, annotated


def labelled(root: Path, emotions: list[str]) -> None:
    rows = [
        annotated(
            number,
            duration=float(number + 1),
            labels=(Label(name="age", value="old"), Label(name="emotion", value=emotion)),
        )
        for number, emotion in enumerate(emotions)
    ]
    WrittenStage(verb="annotate", rows=rows).write(root, "esd")


def test_rows_and_hours_by_value_the_most_frequent_first(tmp_path: Path) -> None:
    labelled(tmp_path, ["sad", "happy", "sad"])
    emotion, age = gather(str(tmp_path), {"esd": LABELLED}).corpora[0].labels
    assert (emotion.name, age.name) == ("emotion", "age")  # emotion first
    assert emotion.counts == (("sad", 2, 4 / 3600), ("happy", 1, 2 / 3600))
    ((value, rows, hours),) = age.counts
    assert (value, rows, hours) == ("old", 3, 6 / 3600)


def test_all_parts_are_counted(tmp_path: Path) -> None:
    labelled(tmp_path, ["sad", "happy"] * 80)  # four parts
    emotion, _ = gather(str(tmp_path), {"esd": LABELLED}).corpora[0].labels
    assert [rows for _, rows, _ in emotion.counts] == [80, 80]
    assert sum(hours for _, _, hours in emotion.counts) * 3600 == pytest.approx(160 * 161 / 2)


def test_a_label_of_many_values_shows_the_most_frequent(tmp_path: Path) -> None:
    labelled(tmp_path, [f"feeling {number}" for number in range(40)] + ["feeling 7"])
    emotion, _ = gather(str(tmp_path), {"esd": LABELLED}).corpora[0].labels
    assert emotion.values == 40 and len(emotion.counts) == SHOWN_VALUES
    assert emotion.counts[0][0] == "feeling 7"
    page = render(gather(str(tmp_path), {"esd": LABELLED}))
    assert "the most frequent of 40" in page


def test_corpora_without_labels_are_not_read_for_them(tmp_path: Path) -> None:
    labelled(tmp_path, ["sad"])
    assert gather(str(tmp_path), {"esd": VERBS}).corpora[0].labels == ()
    assert read_labels([]) == ()
