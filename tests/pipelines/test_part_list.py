"""``stage.json`` lists the files of its folder: whoever opens the folder misses what is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.run import run_stage
from pipelines.stage import open_stage
from tests.pipelines.test_run import MULTIPROCESSING, Listed, contents

ELEMENTS = [["a", "bad1", "b"], ["c", "bad2"], ["d"]]
FILES = {
    "part-00000.parquet",
    "part-00001.parquet",
    "part-00002.parquet",
    "rejected/part-00000.parquet",
    "rejected/part-00001.parquet",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run_stage(Listed("test"), ELEMENTS, str(tmp_path / "out"))
    return tmp_path / "out"


def test_all_files_are_listed_with_their_bytes(folder: Path) -> None:
    listed = json.loads((folder / "stage.json").read_text())["parts"]
    found = {name: len(data) for name, data in contents(folder).items() if name != "stage.json"}
    assert listed == found
    assert set(listed) == FILES
    assert len(open_stage(str(folder), "it").parts) == 3


def test_the_list_does_not_depend_on_the_workers(folder: Path, tmp_path: Path) -> None:
    run_stage(Listed("test"), ELEMENTS, str(tmp_path / "two"), runner_flags=MULTIPROCESSING)
    assert contents(tmp_path / "two") == contents(folder)


def test_a_relative_folder_is_listed_alike(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_stage(Listed("test"), ELEMENTS, "./again/")
    assert contents(tmp_path / "again") == contents(folder)
    assert len(open_stage("again", "it").parts) == 3


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _add(path: Path) -> None:
    path.with_name("part-00009.parquet").write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("part-00001.parquet", Path.unlink, "missing, though stage.json lists it among 5 files"),
        ("rejected/part-00000.parquet", Path.unlink, "missing"),
        ("part-00002.parquet", _cut, "stage.json says"),
        ("part-00000.parquet", _add, "a part that stage.json does not list"),
    ],
)
def test_another_folder_than_the_stage_left_is_refused(
    folder: Path, name: str, change: Callable[[Path], None], what: str
) -> None:
    change(folder / name)
    with pytest.raises(UsageError, match=what) as raised:
        open_stage(str(folder), "python -m pipelines.it")
    (line,) = str(raised.value).splitlines()
    assert "part-0000" in line and "python -m pipelines.it again" in line
    run_stage(Listed("test"), ELEMENTS, str(folder))
    assert len(open_stage(str(folder), "it").parts) == 3


def test_a_folder_from_before_there_was_a_list_is_taken_as_it_is(folder: Path) -> None:
    facts = json.loads((folder / "stage.json").read_text())
    del facts["parts"]
    (folder / "stage.json").write_text(json.dumps(facts))
    (folder / "part-00001.parquet").unlink()
    assert len(open_stage(str(folder), "it").parts) == 2
