import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.reporting.curves import POINTS
from pipelines.reporting.gather import VERBS, gather
from pipelines.reporting.page import render
from pipelines.reporting.terminal import training_line
from pipelines.reporting.training import gather_training, link_to_tables
from tests.pipelines.reporting.stage_folders import whole_corpus


def write_log(folder: Path, entries: Sequence[Mapping[str, object]], tail: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(entry) + "\n" for entry in entries)
    (folder / "log.jsonl").write_text(lines + tail)
    return folder


def sft(steps: int, begin: float = 6.0) -> list[dict[str, object]]:
    return [
        {"step": step, "loss": begin / (step + 1), "seconds": 0.5, "tokens_per_s": 900.0}
        for step in range(steps)
    ]


def test_runs_are_found_and_summed_up(tmp_path: Path) -> None:
    write_log(tmp_path / "tiny" / "sft", sft(3))
    rewards: list[dict[str, object]] = [
        {"step": 0, "loss": 0.0, "reward": -1.0, "reward_sv": 0.5, "reward_sv_failed": 0.0},
        {"step": 1, "loss": 0.1, "reward": 0.25, "reward_sv": 0.75, "kl": 0.01},
    ]
    write_log(tmp_path / "grpo", rewards)
    (tmp_path / "notes.txt").write_text("no log")
    grpo, tiny = gather_training(str(tmp_path))
    assert (grpo.name, tiny.name) == ("grpo", "tiny/sft")
    assert (tiny.steps, tiny.seconds) == (3, 1.5)
    (loss,) = tiny.curves
    assert (loss.first, loss.last, loss.low, loss.high) == (6.0, 2.0, 2.0, 6.0)
    assert (loss.begin, loss.end) == (1, 3)
    assert loss.path == "M0,0 L300,120 L600,160"
    assert [curve.name for curve in grpo.curves] == ["loss", "reward"]
    shown = {measure.name: (measure.first, measure.last) for measure in grpo.measures}
    assert shown["reward"] == (-1.0, 0.25) and shown["reward_sv"] == (0.5, 0.75)
    assert shown["kl"] == (0.01, 0.01) and "reward_sv_failed" not in shown
    assert list(shown)[:3] == ["loss", "reward", "reward_sv"]
    assert training_line(grpo) == "training grpo: 2 steps, loss 0 -> 0.1, reward -1 -> 0.25"


def test_the_folder_of_one_run_will_do_and_none_is_no_error(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "s2", sft(2))
    (run,) = gather_training(f"{folder}/")
    assert run.steps == 2
    assert gather_training(str(tmp_path / "nowhere")) == ()


def test_of_steps_that_came_twice_the_later_line_counts_and_a_torn_one_not_at_all(
    tmp_path: Path,
) -> None:
    again: list[dict[str, object]] = [{"step": 1, "loss": 99.0}, *sft(3)[1:]]
    write_log(tmp_path / "run", [sft(1)[0], *again], tail='{"step": 3, "lo')
    (run,) = gather_training(str(tmp_path))
    assert run.steps == 3 and run.curves[0].high == 6.0


def test_a_long_log_is_thinned_and_keeps_its_extremes(tmp_path: Path) -> None:
    entries = sft(10_000)
    entries[5000]["loss"] = 50.0
    entries[7000]["loss"] = float("nan")
    write_log(tmp_path / "run", entries)
    (run,) = gather_training(str(tmp_path))
    (loss,) = run.curves
    assert len(loss.points) == POINTS
    assert (loss.high, loss.end, run.steps) == (50.0, 10_000, 10_000)
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", loss.path)]
    assert min(numbers) >= 0 and max(numbers[::2]) <= 600 and max(numbers[1::2]) <= 160


@pytest.mark.parametrize("steps", [1, 2])
def test_short_and_flat_curves_have_a_line(tmp_path: Path, steps: int) -> None:
    write_log(tmp_path / "run", [{"step": step, "loss": 0.5} for step in range(steps)])
    (run,) = gather_training(str(tmp_path))
    assert run.curves[0].path == "M0,80 L600,80"


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"step": "1"}', '{"step": -1}', "7"])
def test_a_damaged_log_is_named(tmp_path: Path, line: str) -> None:
    write_log(tmp_path / "run", sft(2), tail=line + "\n")
    with pytest.raises(UsageError, match=r"log.jsonl line 3: not a step of a training log"):
        gather_training(str(tmp_path))


def test_the_page_draws_the_curves_without_a_script(tmp_path: Path) -> None:
    whole_corpus(tmp_path / "data")
    write_log(tmp_path / "runs" / "<b>run</b>", sft(4))
    report = gather(str(tmp_path / "data"), {"emilia": VERBS})
    assert "Training" not in render(report)
    trained = dataclasses.replace(report, training=gather_training(str(tmp_path / "runs")))
    page = render(trained)
    assert page == render(trained)
    assert 'd="M0,0 L200,106.7 L400,142.2 L600,160"' in page
    assert 'aria-label="loss: 6 at step 1, 1.5 at 4"' in page
    assert "&lt;b&gt;run&lt;/b&gt;" in page and "<b>run" not in page
    assert "<script" not in page and '<a href="#training">' in page


def test_the_tables_of_an_evaluation_are_linked_from_where_the_page_is(tmp_path: Path) -> None:
    evaluation, page = tmp_path / "my evaluation", tmp_path / "data" / "report"
    assert link_to_tables(str(evaluation), str(page)) is None
    (evaluation / "report").mkdir(parents=True)
    (evaluation / "report" / "tables.html").write_text("<html></html>")
    assert link_to_tables(str(evaluation), str(page)) == (
        "../../my%20evaluation/report/tables.html"
    )
    assert link_to_tables(str(evaluation), "gs://bucket/report") is None
