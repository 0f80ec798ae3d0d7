"""The tables: every cell a figure with its count or a mark with a footnote, in three forms."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest

from trainer.errors import UsageError
from trainer.metrics.measurement import Measurement
from trainer.metrics.paper_tables import TABLES
from trainer.metrics.table_view import NOT_RUN
from trainer.metrics.tables import CSV_COLUMNS, render_tables

NO_MODEL = "emotion.model needs the package funasr, which is not installed"


def _one(
    task: str,
    metric: str,
    value: float | None,
    *,
    system: str = "tiny",
    language: str = "en",
    missing: str | None = None,
    interval: tuple[float, float] | None = None,
    judge: str | None = "a judge",
) -> Measurement:
    low, high = interval or (None, None)
    return Measurement(
        system=system,
        task=task,
        language=language,
        metric=metric,
        value=value,
        missing=missing,
        count=0 if value is None else 20,
        low=low,
        high=high,
        judge=judge,
    )


def _block(markdown: str, title: str) -> str:
    return markdown.split(f"### {title}")[1].split("\n### ")[0]


def _row(block: str, system: str) -> list[str]:
    line = next(line for line in block.splitlines() if line.startswith(f"| {system} |"))
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


TABLE_2 = "FlexiVoice (arXiv:2601.04656), Table 2"


def test_a_table_that_no_evaluation_fills_says_what_it_needs() -> None:
    title, needs = "FlexiVoice (arXiv:2601.04656), Table 7", "Nothing of ours is here. It needs"
    tables = render_tables([_one("to_easy", "sv", 87.5)])
    assert f"- {needs} verdicts of two judges" in _block(tables.markdown, title)
    assert tables.markdown.count(needs) == tables.html.count(needs) == 1
    filled = render_tables([_one("aps", "macro_f1", 0.5)])
    assert needs not in filled.markdown and needs not in filled.html


def test_a_measured_row_stands_below_the_papers_and_says_whose_it_is() -> None:
    found = [
        _one("to_easy", "acc_i", None, missing=NO_MODEL, judge=None),
        _one("tr_easy", "sv", 87.5, judge="campplus"),
    ]
    block = _block(render_tables(found).markdown, TABLE_2)
    cells = _row(block, "tiny")
    assert cells[:3] == ["tiny", "here", "– [1]"]
    assert cells[2 + 6] == "87.5 (n=20)"
    assert set(cells[3:8] + cells[9:]) == {"– [2]"}
    assert f"- [1] {NO_MODEL.replace('_', chr(92) + '_')}" in block
    assert f"- [2] {NOT_RUN}" in block
    assert "- Judge here, SV: campplus." in block
    assert _row(block, "FlexiVoice")[:3] == ["FlexiVoice", "paper", "97.4"]
    assert block.index("| FlexiVoice |") < block.index("| tiny |")
    assert "97.7 in Table 5" in block


def test_every_cell_here_has_a_count_or_a_footnote_that_is_there() -> None:
    found = [
        _one("to_easy", "acc_i", 50.0),
        _one("to_easy", "q_mos", 3.5, interval=(3.25, 3.75)),
        _one("aps", "accuracy", None, missing="no judge is set"),
        _one("speed", "spearman", 0.5),
        _one("rp_audio_history", "cer", 12.5, language="zh"),
    ]
    for block in render_tables(found).markdown.split("\n### "):
        notes = set(re.findall(r"^- \[(\d+)\]", block, re.M))
        used = set()
        for line in block.splitlines():
            if "| here |" in line:
                for cell in re.split(r"(?<!\\)\|", line)[3:-1]:
                    assert re.search(r"\(n=[\d,]+\)|– \[\d+\]", cell), line
                    used |= set(re.findall(r"– \[(\d+)\]", cell))
        assert used == notes


def test_intervals_even_and_uneven() -> None:
    found = [
        _one("to_easy", "q_mos", 3.5, interval=(3.25, 3.75)),
        _one("to_easy", "cmos", -0.5, interval=(-1.0, -0.25)),
    ]
    cells = _row(
        _block(render_tables(found).markdown, "FlexiVoice (arXiv:2601.04656), Table 3"), "tiny"
    )
    assert cells[3] == "3.50 ± 0.25 (n=20)"
    assert cells[4] == "-0.50 [-1.00, -0.25] (n=20)"


def test_chinese_has_cer_where_english_has_wer() -> None:
    found = [_one("to_easy", "cer", 7.0, language="zh"), _one("to_easy", "wer", 9.0)]
    block = _block(render_tables(found).markdown, "FlexiVoice (arXiv:2601.04656), Table 3")
    english, chinese = block.split("**ZH**")
    assert "TO easy WER % ↓" in english
    assert "TO easy CER % ↓" in chinese
    assert _row(english, "tiny")[2] == "9.00 (n=20)"
    assert _row(chinese, "tiny")[2] == "7.00 (n=20)"


def test_averages_need_all_their_parts() -> None:
    parts = [_one(task, "accuracy", value) for task, value in (("aps", 60.0), ("dsd", 40.0))]
    title = "FlexiVoice (arXiv:2601.04656), Table 4"
    cells = _row(_block(render_tables(parts).markdown, title), "tiny")
    assert cells[5] == "– [2]"  # the first is that RP was not run
    whole = [*parts, _one("rp", "accuracy", 35.0)]
    assert _row(_block(render_tables(whole).markdown, title), "tiny")[5] == "45.0 (n=60)"
    measured = [*whole, _one("instruct_average", "accuracy", 44.0)]
    assert _row(_block(render_tables(measured).markdown, title), "tiny")[5] == "44.0 (n=20)"


def test_a_language_that_the_paper_has_not_is_shown_too() -> None:
    found = [
        _one("to_easy", "acc_i", 50.0, language="de"),
        _one("aps", "accuracy", 1.0, language="de"),
    ]
    markdown = render_tables(found).markdown
    assert "**DE**" in _block(markdown, TABLE_2)
    assert "DE APS true % ↑" in _block(markdown, "FlexiVoice (arXiv:2601.04656), Table 4")


def test_without_the_papers_only_what_was_measured() -> None:
    tables = render_tables([_one("speed", "spearman", 0.5)], papers=False)
    assert set(tables.csv) == {"flexivoice_8"}
    assert "| paper |" not in tables.markdown
    assert "ParlerTTS" not in tables.html
    assert render_tables([], papers=False).markdown == ""
    assert "Nothing was measured." in render_tables([], papers=False).html


def test_what_no_table_has_a_column_for_is_not_lost() -> None:
    found = [_one("to_hard", "wer", 12.34567, system="a_b"), _one("speed", "spearman", 0.5)]
    for papers in (True, False):
        tables = render_tables(found, papers)
        assert "- a_b, en, TO hard, wer: 12.35 (n=20), by a judge" in tables.markdown
        assert "a_b, en, TO hard, wer: 12.35" in tables.html
    assert "none of the papers" not in render_tables([found[1]]).markdown
    absent = _one("to_hard", "wer", None, missing="no ASR")
    assert "- tiny, en, TO hard, wer: none, no ASR" in render_tables([absent]).markdown


def test_nothing_measured_is_the_papers_tables() -> None:
    tables = render_tables([])
    assert tuple(tables.csv) == TABLES
    assert "| here |" not in tables.markdown
    assert "– [" not in tables.markdown


def test_csv_has_one_figure_a_line() -> None:
    tables = render_tables(
        [_one("to_easy", "acc_i", 12.345678), _one("to_easy", "e_sim", None, missing='x, "y"')]
    )
    rows = list(csv.DictReader(io.StringIO(tables.csv["flexivoice_2"])))
    assert tuple(rows[0]) == CSV_COLUMNS
    here = {(row["task"], row["metric"]): row for row in rows if row["whose"] == "here"}
    assert here["to_easy", "acc_i"]["value"] == "12.345678"  # not rounded as in the table
    assert here["to_easy", "acc_i"]["count"] == "20"
    assert here["to_easy", "e_sim"]["missing"] == 'x, "y"'
    theirs = [row for row in rows if row["whose"] == "paper"]
    # The ground truth twice, three systems without reference, CosyVoice2 twice, three in full.
    assert len(theirs) == 2 * 7 + 3 * 4 + 2 * 7 + 2 * 3 * 11
    assert all(row["value"] and not row["count"] for row in theirs)


def test_two_figures_for_one_cell_are_refused() -> None:
    with pytest.raises(UsageError, match="tiny en to_easy acc_i is measured twice"):
        render_tables([_one("to_easy", "acc_i", 1.0), _one("to_easy", "acc_i", 2.0)])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.anchors: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.add(value)


def test_page_needs_nothing_else_and_its_footnotes_are_there() -> None:
    reader = _Reader()
    reader.feed(render_tables([_one("to_easy", "acc_i", 1.0)]).html)
    assert {"script", "img", "link", "iframe"}.isdisjoint(reader.tags)
    assert reader.links
    assert reader.links <= {f"#{anchor}" for anchor in reader.anchors}
    assert set(TABLES) <= reader.anchors


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a|b\nc", "\u202egnp.exe", "*x* `y`"]
)
def test_a_hostile_name_stays_text(name: str) -> None:
    tables = render_tables([_one("to_easy", "acc_i", 1.0, system=name, judge=name)])
    reader = _Reader()
    reader.feed(tables.html)
    assert "script" not in reader.tags
    assert "\u202e" not in tables.html + tables.markdown
    line = next(line for line in tables.markdown.splitlines() if "| here |" in line)
    assert len(re.split(r"(?<!\\)\|", line)) == 2 + 2 + 11
    assert "<script" not in tables.markdown.replace("\\<", "")


def test_the_same_measurements_give_the_same_bytes() -> None:
    found = [_one("to_easy", "acc_i", 1.0), _one("speed", "spearman", 0.1, system="other")]
    assert render_tables(found) == render_tables(list(found))
