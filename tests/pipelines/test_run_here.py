"""A stage without Beam: the same bytes, the same errors, what Beam alone can do refused."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import StageFailed, UsageError
from pipelines.run import run_stage
from pipelines.run_here import run_here
from pipelines.stage import Block
from pipelines.threads import in_order
from schemas import Utterance, table_of
from tests.pipelines.test_run import Buggy, Failing, Listed, Lossy, Short, contents
from tests.records import utterance


class Threaded(Short):
    """The same, by several threads."""

    threads = True


class OutOfInput(Short):
    """Finds its input to be no good when it is at work."""

    def transform(self, chunk: pa.Table) -> Block:
        """Fails as a file that cannot be read does."""
        raise UsageError("clip.wav: cannot be read")


class NoModel(Short):
    """Cannot load what it needs."""

    torn_down = False

    def setup(self) -> None:
        """Fails."""
        raise StageFailed("no model there: fetch it")

    def teardown(self) -> None:
        """Is not reached: there is nothing to release."""
        self.torn_down = True


def parts(folder: Path) -> list[str]:
    """Six parts of ten utterances, half of them short; the last part has only short ones."""
    folder.mkdir()
    paths = []
    for part in range(6):
        short = [part == 5 or n % 2 == 1 for n in range(10)]
        rows = [
            utterance(id=f"{part}-{n}", duration=1.0 if short[n] else 3.0, speaker=f"S{n}")
            for n in range(10)
        ]
        path = folder / f"part-{part:05d}.parquet"
        pq.write_table(table_of(Utterance, rows), path)
        paths.append(str(path))
    return paths


@pytest.mark.parametrize("stage", [Short, Threaded])
def test_the_bytes_are_those_of_beam(tmp_path: Path, stage: type[Short]) -> None:
    elements = parts(tmp_path / "in")
    expected = run_stage(stage("test"), elements, str(tmp_path / "beam"))
    assert run_here(stage("test"), elements, str(tmp_path / "here")) == expected
    assert contents(tmp_path / "here") == contents(tmp_path / "beam")
    assert json.loads((tmp_path / "here.run.json").read_text())["peak_rss_bytes"] > 0


def test_a_second_run_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    elements = parts(tmp_path / "in")
    run_here(Short("test"), elements, str(tmp_path / "out"))
    facts = run_here(Short("test"), elements[5:], str(tmp_path / "out"))
    assert facts.rejected == {"field_invalid": 10}
    assert sorted(contents(tmp_path / "out")) == ["rejected/part-00000.parquet", "stage.json"]


def test_no_input_at_all_is_a_finished_stage_of_nothing(tmp_path: Path) -> None:
    facts = run_here(Threaded("test"), [], str(tmp_path / "out"))
    assert (facts.rows_in, facts.rows_out) == (0, 0)


def test_a_failed_part_leaves_the_stage_unfinished(tmp_path: Path) -> None:
    elements = parts(tmp_path / "in")
    Path(elements[1]).write_bytes(b"PAR1 but no more")
    for stage in (Short("test"), Threaded("test")):
        with pytest.raises(StageFailed, match=r"part-00001\.parquet: not a readable Parquet file"):
            run_here(stage, elements, str(tmp_path / "out"))
        assert not (tmp_path / "out" / "stage.json").exists()
        assert not list((tmp_path / "out").rglob("*.tmp"))


def test_bad_input_found_at_work_is_a_failed_stage_not_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match=r"^clip\.wav: cannot be read$"):
        run_here(OutOfInput("test"), parts(tmp_path / "in"), str(tmp_path / "out"))


def test_a_stage_that_cannot_begin(tmp_path: Path) -> None:
    stage = NoModel("test")
    with pytest.raises(StageFailed, match="no model there: fetch it"):
        run_here(stage, parts(tmp_path / "in"), str(tmp_path / "out"))
    assert not stage.torn_down


@pytest.mark.parametrize(
    ("stage", "error"), [(Lossy, StageFailed), (Failing, StageFailed), (Buggy, ZeroDivisionError)]
)
def test_errors_arrive_as_they_are(
    tmp_path: Path,
    stage: type[Listed],
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage, "unique_ids", False)
    with pytest.raises(error):
        run_here(stage("test"), [["a", "b"]], str(tmp_path / "out"))


def test_unique_ids_need_beam(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="listed: ids are made unique by Beam"):
        run_here(Listed("test"), [["a"]], str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_work_in_order_whoever_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    other_done = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert other_done.wait(timeout=60)  # of two threads, this one ends last
        other_done.set()
        return 10 * number

    assert in_order(work, range(5)) == [0, 10, 20, 30, 40]


@pytest.mark.parametrize("good", [0, 500])
def test_after_a_failure_the_rest_is_not_begun(monkeypatch: pytest.MonkeyPatch, good: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        if number >= good:
            raise StageFailed(f"part {number}")

    with pytest.raises(StageFailed, match=f"part {good}$"):
        in_order(work, range(1000))
    assert sorted(begun)[: good + 1] == list(range(good + 1))
    assert len(begun) <= good + 2  # the other thread may have begun one


def test_select_loads_no_beam() -> None:
    code = (
        "import sys\n"
        "import pipelines.run_here, pipelines.select, pipelines.stages.select\n"
        "assert 'apache_beam' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
