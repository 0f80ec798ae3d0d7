"""What a dead or damaged predecessor left: Parquet cut or damaged inside, through the commands.

A stage writes whole files or none, so these come from elsewhere: a copy that was broken off, a
disk. `open_stage` compares sizes with `stage.json`; damage of the same length is found on reading.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.e2e.workplace import KEY, Workplace, contents
from tests.faults.corpus import (
    SOURCE,
    WillingServer,
    both,
    chain,
    encoded,
    name_of,
    serving,
    tone,
    workplace_of,
)

AFTER = {"annotate": "ingest", "select": "annotate", "emit": "select"}  # stage -> the one before


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A corpus of two parts, selected."""
    folder = tmp_path_factory.mktemp("whole")
    clip = encoded(tone(1.0))
    members = [member for number in range(4) for member in both(number, clip, 1.0)]
    with pytest.MonkeyPatch.context() as patch, serving(WillingServer()) as url:
        patch.setenv("CHAT_API_KEY", KEY)
        work = workplace_of(folder, url, members, {n: f"A talk, part {n}" for n in range(4)})
        work.change({"ingest.rows_per_file": 2})
        chain(work, "ingest", "annotate", "select")
    return work


@pytest.fixture
def work(whole: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """The same, to be broken."""
    monkeypatch.setenv("CHAT_API_KEY", KEY)
    again = Workplace(tmp_path / "again")
    shutil.copy(whole.params_file, again.params_file)
    again.change({"root": str(again.data), "journals": str(again.journals)})
    shutil.copytree(whole.data, again.data)
    return again


def _part(work: Workplace, verb: str) -> Path:
    return sorted((work.data / SOURCE / AFTER[verb]).glob("part-*.parquet"))[0]


def _unlisted(work: Workplace, verb: str) -> None:
    """The predecessor's folder as it was before `stage.json` listed its files."""
    path = work.data / SOURCE / AFTER[verb] / "stage.json"
    facts = json.loads(path.read_text())
    del facts["parts"]
    path.write_text(json.dumps(facts))


def _refused(work: Workplace, verb: str, part: Path) -> str:
    """The one line of a command that leaves no finished output."""
    ended = work.run(verb, SOURCE)
    assert ended.status in (1, 2), ended
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ") and part.name in line, line
    assert not (work.data / SOURCE / verb / "stage.json").exists()
    return line


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _empty(content: bytes) -> bytes:
    return b""


def _without_magic(content: bytes) -> bytes:
    return content[:-1]


@pytest.mark.parametrize(
    ("cut", "listed"), [(_cut, True), (_cut, False), (_empty, False), (_without_magic, False)]
)
@pytest.mark.parametrize("verb", sorted(AFTER))
def test_truncated_parquet_of_a_dead_predecessor_is_one_clear_line(
    work: Workplace, verb: str, cut: Callable[[bytes], bytes], listed: bool
) -> None:
    shutil.rmtree(work.data / SOURCE / verb, ignore_errors=True)
    if not listed:
        _unlisted(work, verb)
    part = _part(work, verb)
    part.write_bytes(cut(part.read_bytes()))
    line = _refused(work, verb, part)
    again = "run python -m pipelines" if listed else "run the stage that wrote it again"
    assert again in line, line


@pytest.mark.parametrize("verb", sorted(AFTER))
def test_a_part_that_is_gone_is_missed(work: Workplace, verb: str) -> None:
    shutil.rmtree(work.data / SOURCE / verb, ignore_errors=True)
    part = _part(work, verb)
    part.unlink()
    line = _refused(work, verb, part)
    assert "missing, though stage.json lists it" in line
    assert f"run python -m pipelines.{AFTER[verb]} --source {SOURCE} again" in line


@pytest.mark.parametrize("verb", sorted(AFTER))
def test_a_page_that_is_damaged_inside_is_one_clear_line(work: Workplace, verb: str) -> None:
    """Zeros all over, and behind the header of a page; the length stays as it was."""
    shutil.rmtree(work.data / SOURCE / verb, ignore_errors=True)
    part = _part(work, verb)
    content = part.read_bytes()
    group = pq.read_metadata(part).row_group(0)
    columns = (group.column(number) for number in range(group.num_columns))
    (column,) = (one for one in columns if one.path_in_schema == "id")
    start = column.dictionary_page_offset or column.data_page_offset
    end = start + column.total_compressed_size
    for kept in (0, 20):
        damaged = content[: start + kept] + bytes(end - start - kept) + content[end:]
        part.write_bytes(damaged)
        line = _refused(work, verb, part)
        assert "not a readable Parquet file" in line, line
        assert "run the stage that wrote it again" in line


def test_what_was_whole_goes_on_as_it_was(work: Workplace, whole: Workplace) -> None:
    before = contents(work.data)
    chain(work, "emit")
    assert {name: data for name, data in contents(work.data).items() if name in before} == before
    assert sorted(name_of(n) for n in range(4)) == sorted(
        row["id"]
        for part in sorted((whole.data / SOURCE / "select").glob("part-*.parquet"))
        for row in pq.read_table(part).to_pylist()
    )
