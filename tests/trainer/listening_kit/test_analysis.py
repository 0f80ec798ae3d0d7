"""From files to figures: raters screened, sides turned back, intervals against scipy."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.trainer.listening_kit.answers import Rule, honest, write_answers
from tests.trainer.listening_kit.clips import settings, write_clips, write_rows
from trainer.errors import TrainerError, UsageError
from trainer.listening.analysis import Analysis, Unit, analyse
from trainer.listening.findings import table, write_findings
from trainer.listening.key import Key, KeyItem, read_key
from trainer.listening.making import make_test
from trainer.listening.ratings import read_ratings
from trainer.listening.settings import Test
from trainer.metrics.measurement import Measurement, read_measurements
from trainer.metrics.tables import render_tables


def made(folder: Path, test: Test) -> Key:
    tasks = ("rp_audio_history", "rp_no_audio_history") if test == "mos" else ("to_easy", "tr_hard")
    path = write_clips(folder, cases=5, tasks=tasks, languages=("zh",))
    make_test(path, folder, folder / "out", test, settings())
    return read_key(folder / "out" / "key.json")


def analysed(folder: Path, key: Key, *rules: Rule, unit: Unit = "clip") -> Analysis:
    return analyse(key, read_ratings(write_answers(folder / "back", key, *rules), key), unit)


def one(found: Analysis, system: str, task: str) -> Measurement:
    (hit,) = [m for m in found.measurements if (m.system, m.task) == (system, task)]
    return hit


def noisy(seed: int) -> Rule:
    """System means of 4.5, 3 and 2 with noise; the gold items right."""
    draw = random.Random(seed)
    means = {"ground_truth": 4.5, "flexivoice_s2": 3.0, "cosyvoice2": 2.0}

    def rule(item: KeyItem) -> float:
        if item.low is not None:
            return item.low
        return float(min(5, max(1, round(means[item.system] + draw.gauss(0, 0.8)))))

    return rule


@pytest.mark.parametrize("unit", ["clip", "rating"])
def test_means_and_intervals_are_scipys(unit: Unit, tmp_path: Path) -> None:
    key = made(tmp_path, "q_mos")
    found = analysed(tmp_path, key, *map(noisy, range(6)), unit=unit)
    assert found.few == 0 and found.unrated == () and len(found.kept) == 6
    assert len(found.measurements) == 6
    for system in ("ground_truth", "flexivoice_s2", "cosyvoice2"):
        clips = [c for c in found.clips if (c.system, c.task) == (system, "tr_hard")]
        assert len(clips) == 5 and {len(c.ratings) for c in clips} == {3}
        values = [float(np.mean(c.ratings)) for c in clips]
        if unit == "rating":
            values = [rating for c in clips for rating in c.ratings]
        measured = one(found, system, "tr_hard")
        interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert measured.value == pytest.approx(np.mean(values))
        assert (measured.low, measured.high) == pytest.approx((interval.low, interval.high))
        assert measured.metric == "q_mos" and measured.count == len(values)
        assert measured.judge == "6 listeners" and measured.language == "zh"
    assert found.alpha is not None and 0.4 < found.alpha < 1


def test_who_fails_a_gold_item_is_left_out_and_counted(tmp_path: Path) -> None:
    key = made(tmp_path, "q_mos")
    found = analysed(tmp_path, key, honest(4), lambda item: 5.0, honest(4), honest(4))
    assert found.left_out == ("rater-02",) and found.kept == ("rater-01", "rater-03", "rater-04")
    assert [(wrong.score, wrong.low, wrong.high) for wrong in found.wrong_gold] == [(5, 1, 2)] * 2
    assert {m.value for m in found.measurements} == {4.0}  # not one of the fives
    assert all(rating == 4 for clip in found.clips for rating in clip.ratings)
    assert found.few > 0  # so items have fewer ratings than planned, which is said
    assert f"clips with fewer than 3 ratings: {found.few}" in table(found)
    assert "6 sheets, 4 came back, 1 left out by gold items, 3 counted" in table(found)


def test_nobody_left_and_nobody_at_all(tmp_path: Path) -> None:
    key = made(tmp_path, "q_mos")
    with pytest.raises(TrainerError, match="all 2 raters have a wrong answer to a gold item"):
        analysed(tmp_path, key, lambda item: 5.0, lambda item: 5.0)
    with pytest.raises(UsageError, match="no file of ratings"):
        analyse(key, [])


def test_cmos_is_of_the_system_whichever_came_first(tmp_path: Path) -> None:
    key = made(tmp_path, "cmos")
    scores = {"flexivoice_s2": 2.0, "cosyvoice2": -1.0}
    rule: Rule = lambda item: scores[item.system] if item.low is None else 0.0  # noqa: E731
    paths = write_answers(tmp_path / "back", key, *[rule] * 6)
    raw = [r["rating"] for path in paths for r in json.loads(path.read_text())["ratings"]]
    assert {2.0, -2.0, 1.0, -1.0} <= set(raw)  # the pages really showed both orders
    found = analyse(key, read_ratings(paths, key))
    assert one(found, "flexivoice_s2", "to_easy").value == 2.0
    assert one(found, "cosyvoice2", "tr_hard").value == -1.0
    baseline = one(found, "ground_truth", "to_easy")
    assert (baseline.value, baseline.low, baseline.judge) == (0.0, None, "by definition")
    assert baseline.count == 5
    assert len(found.measurements) == 6
    careless: Rule = lambda item: 1.0 if item.low is not None else 0.0  # noqa: E731
    others = analysed(tmp_path / "more", made(tmp_path / "more", "cmos"), rule, careless)
    assert others.left_out == ("rater-02",)


def test_mos_is_of_both_settings_and_over_both(tmp_path: Path) -> None:
    key = made(tmp_path, "mos")
    by_task = {"rp_audio_history": 4.5, "rp_no_audio_history": 2.5}
    rule: Rule = lambda item: by_task[item.task] if item.low is None else 0.5  # noqa: E731
    found = analysed(tmp_path, key, *[rule] * 6)
    assert one(found, "cosyvoice2", "rp_audio_history").value == 4.5
    assert one(found, "cosyvoice2", "rp_no_audio_history").value == 2.5
    both = one(found, "cosyvoice2", "rp_listening")
    assert both.value == 3.5 and both.count == 10


def test_gold_of_the_table_screens_too(tmp_path: Path) -> None:
    path = write_clips(tmp_path, cases=5)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    known = rows[0] | {"case": "known", "gold_low": 4, "gold_high": 5}
    write_rows(path, [*rows, known])
    make_test(path, tmp_path, tmp_path / "out", "mos", settings())
    key = read_key(tmp_path / "out" / "key.json")
    low: Rule = lambda item: 0.5  # right for the made ones, wrong for a real recording  # noqa: E731
    found = analysed(tmp_path, key, honest(3), low)
    assert found.left_out == ("rater-02",)
    assert all(clip.case != "known" for clip in found.clips)


def test_what_nobody_rated_is_said_and_no_figure_is_made_up(tmp_path: Path) -> None:
    path = write_clips(tmp_path, systems=("a", "b", "c"), cases=2)
    chosen = settings(raters=6, ratings_per_clip=1)
    make_test(path, tmp_path, tmp_path / "out", "q_mos", chosen)
    key = read_key(tmp_path / "out" / "key.json")
    found = analysed(tmp_path, key, honest(4))
    missing = [m for m in found.measurements if m.value is None]
    assert missing and len(found.unrated) == 5
    assert all(m.count == 0 and m.missing and "no rater who was kept" in m.missing for m in missing)
    assert found.alpha is None and "alpha (interval): not defined" in table(found)


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    key = made(tmp_path, "q_mos")
    found = analysed(tmp_path, key, *map(noisy, range(5)), lambda item: 3.0)
    for name in ("one", "two"):
        write_findings(found, tmp_path / name)
    names = ("measurements.jsonl", "clips.jsonl", "raters.json")
    assert all(
        (tmp_path / "one" / n).read_bytes() == (tmp_path / "two" / n).read_bytes() for n in names
    )
    assert read_measurements(tmp_path / "one" / "measurements.jsonl") == list(found.measurements)
    raters = json.loads((tmp_path / "one" / "raters.json").read_text())
    assert (raters["sheets"], raters["returned"], raters["kept"]) == (6, 6, 5)
    assert [wrong["rater"] for wrong in raters["left_out"]] == ["rater-06"] * 2
    assert raters["krippendorff_alpha_interval"] == found.alpha
    lines = (tmp_path / "one" / "clips.jsonl").read_text().splitlines()
    assert len(lines) == 30
    assert [json.loads(line)["q_mos"] for line in lines] == [clip.mean for clip in found.clips]


def test_the_papers_tables_show_what_was_heard(tmp_path: Path) -> None:
    q_mos = analysed(tmp_path / "q", made(tmp_path / "q", "q_mos"), *map(noisy, range(6)))
    gold_or: Rule = lambda item: 1.0 if item.low is None else 0.0  # noqa: E731
    cmos = analysed(tmp_path / "c", made(tmp_path / "c", "cmos"), *[gold_or] * 6)
    mos = analysed(tmp_path / "m", made(tmp_path / "m", "mos"), *[honest(3.5)] * 6)
    every = [*q_mos.measurements, *cmos.measurements, *mos.measurements]
    tables = render_tables(every, papers=False)
    rows = tables.csv["flexivoice_3"].splitlines()
    assert any("cosyvoice2" in row and "cmos" in row and "1.0" in row for row in rows)
    assert "1.00 ± 0.00 (n=5)" in tables.markdown  # CMOS
    assert "0.00 (n=5)" in tables.markdown  # the baseline
    assert "3.500 ± 0.000 (n=10)" in tables.markdown  # MOS over both settings
    heard = one(q_mos, "cosyvoice2", "tr_hard")
    assert heard.value is not None and heard.low is not None
    assert f"{heard.value:.2f} ± {heard.value - heard.low:.2f} (n=5)" in tables.markdown
