"""The stage contract on Beam: conservation, determinism, duplicates across parts, failures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import StageFailed, UsageError
from pipelines.run import run_stage
from pipelines.stage import Block, Stage, TableStage, open_stage
from schemas import Reason, Rejection, StageFacts, Utterance, table_of
from tests.records import utterance

MULTIPROCESSING = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


class Listed(Stage[list[str], list[str]]):
    """Ids -> utterances; an id that starts with ``bad`` is rejected."""

    name = "listed"
    record_type = Utterance
    unique_ids = True

    def read(self, element: list[str]) -> Iterator[list[str]]:
        """Three ids at a time."""
        for start in range(0, len(element), 3):
            yield element[start : start + 3]

    def transform(self, chunk: list[str]) -> Block:
        """Makes the utterances."""
        return Block(
            rows=table_of(Utterance, [utterance(id=i) for i in chunk if not i.startswith("bad")]),
            rejections=[rejection(i) for i in chunk if i.startswith("bad")],
        )


class Lossy(Listed):
    """Forgets the first record of each chunk."""

    def transform(self, chunk: list[str]) -> Block:
        """Loses one."""
        return super().transform(chunk[1:])


class Failing(Listed):
    """Fails with the project's own error."""

    def transform(self, chunk: list[str]) -> Block:
        """Fails."""
        raise StageFailed("the balance is empty: top it up and run again")


class Buggy(Listed):
    """Fails with a foreign error."""

    def transform(self, chunk: list[str]) -> Block:
        """Has a bug."""
        raise ZeroDivisionError("a bug")


class Short(TableStage):
    """Rejects short utterances."""

    name = "short"
    record_type = Utterance

    def transform(self, chunk: pa.Table) -> Block:
        """Keeps two seconds and more."""
        rows = chunk.to_pylist()
        return Block(
            rows=table_of(Utterance, [r for r in rows if r["duration"] >= 2]),
            rejections=[rejection(r["id"], r["duration"]) for r in rows if r["duration"] < 2],
        )


def rejection(record_id: str, duration: float | None = None) -> Rejection:
    """One rejection."""
    return Rejection(
        record_id=record_id,
        stage="listed",
        reason=Reason.FIELD_INVALID,
        detail="",
        location="here",
        duration=duration,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def ids(folder: Path) -> list[str]:
    """The ids in the parts, in order."""
    paths = sorted(folder.glob("part-*.parquet"))
    return [i for path in paths for i in pq.read_table(path).column("id").to_pylist()]


def test_rows_in_are_rows_out_plus_rejected(tmp_path: Path) -> None:
    facts = run_stage(Listed("test"), [["a", "bad1", "b"], ["c", "bad2"]], str(tmp_path / "out"))
    assert (facts.rows_in, facts.rows_out) == (5, 3)
    assert facts.rejected == {"field_invalid": 2}
    assert ids(tmp_path / "out") == ["a", "b", "c"]
    written = json.loads((tmp_path / "out" / "stage.json").read_text())
    assert written["in"] == written["out"] + sum(written["rejected"].values())
    assert StageFacts.from_json(json.dumps(written)) == facts
    assert json.loads((tmp_path / "out.run.json").read_text())["peak_rss_bytes"] > 0


def test_a_stage_that_loses_a_row_fails_and_is_not_done(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match="some are lost"):
        run_stage(Lossy("test"), [["a", "b"]], str(tmp_path / "out"))
    with pytest.raises(UsageError, match=r"stage\.json is missing\); run it"):
        open_stage(str(tmp_path / "out"), "it")


def test_the_error_of_a_worker_arrives_as_it_was_said(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match="^the balance is empty: top it up and run again$"):
        run_stage(Failing("test"), [["a"]], str(tmp_path / "out"))


def test_a_bug_is_not_dressed_up(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="a bug"):
        run_stage(Buggy("test"), [["a"]], str(tmp_path / "out"))


def test_an_id_of_an_earlier_part_is_rejected_in_the_later_one(tmp_path: Path) -> None:
    elements = [["a", "b"], ["b", "c", "bad"], ["c", "a", "d"]]
    facts = run_stage(Listed("test"), elements, str(tmp_path / "out"))
    assert ids(tmp_path / "out") == ["a", "b", "c", "d"]
    assert facts.rejected == {"duplicate_id": 3, "field_invalid": 1}
    assert facts.rows_in == facts.rows_out + 4
    assert facts.hours_in == pytest.approx(facts.hours_out + facts.rejected_hours["duplicate_id"])
    rejected = pq.read_table(tmp_path / "out" / "rejected" / "part-00001.parquet").to_pylist()
    assert [(r["record_id"], r["reason"]) for r in rejected] == [
        ("bad", "field_invalid"),
        ("b", "duplicate_id"),
    ]


def test_a_part_of_duplicates_only_leaves_no_file(tmp_path: Path) -> None:
    facts = run_stage(Listed("test"), [["a", "b"], ["a", "b"]], str(tmp_path / "out"))
    assert [p.name for p in sorted((tmp_path / "out").glob("part-*"))] == ["part-00000.parquet"]
    assert facts.rejected == {"duplicate_id": 2}


def test_output_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    elements = [[f"{part}-{i}" for i in range(50)] + ["0-7", f"bad{part}"] for part in range(6)]
    stage = Listed("test")
    stage.rows_per_file = 20
    run_stage(stage, elements, str(tmp_path / "one"))
    run_stage(stage, elements, str(tmp_path / "two"), runner_flags=MULTIPROCESSING)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(list((tmp_path / "one").glob("part-00000-*.parquet"))) == 3


def test_a_second_run_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    run_stage(Listed("test"), [["a"], ["b", "bad"]], str(tmp_path / "out"))
    run_stage(Listed("test"), [["a"]], str(tmp_path / "out"))
    assert sorted(contents(tmp_path / "out")) == ["part-00000.parquet", "stage.json"]


def test_a_later_stage_measures_its_own_input(tmp_path: Path) -> None:
    run_stage(Listed("test"), [["a", "b"]], str(tmp_path / "one"))
    parts = open_stage(str(tmp_path / "one"), "it").parts
    facts = run_stage(Short("test"), parts, str(tmp_path / "two"))
    assert (facts.rows_in, facts.rows_out, facts.rejected) == (2, 0, {"field_invalid": 2})
    assert facts.hours_in == facts.rejected_hours["field_invalid"] > 0
    assert (facts.speakers_in, facts.speakers_out) == (1, 0)


def test_a_broken_part_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "part-00000.parquet"
    broken.write_bytes(b"PAR1 but no more")
    with pytest.raises(StageFailed, match=r"part-00000\.parquet: not a readable Parquet file"):
        run_stage(Short("test"), [str(broken)], str(tmp_path / "out"))


def test_no_input_at_all_is_a_finished_stage_of_nothing(tmp_path: Path) -> None:
    facts = run_stage(Listed("test"), [], str(tmp_path / "out"))
    assert (facts.rows_in, facts.rows_out) == (0, 0)


def test_flags_that_are_not_beams_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="runner flags"):
        run_stage(Listed("test"), [["a"]], str(tmp_path / "out"), runner_flags=["--nonsense=1"])
