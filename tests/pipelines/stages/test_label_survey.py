"""The survey of combinations against one done row by row."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import StageFailed
from pipelines.stages.label_instructions import tuple_of
from pipelines.stages.label_survey import label_tuples
from schemas import Label, Utterance, table_of
from tests.records import utterance

# Few words, and some that look like the glue between them.
WORDS = st.sampled_from(["a", "b", "a b", "1 1 a", "", "é", " "])
ROWS = st.lists(st.lists(st.builds(Label, WORDS, WORDS), max_size=3), max_size=12)


def part(folder: Path, rows: list[list[Label]]) -> str:
    path = folder / f"part-{len(list(folder.iterdir())):05d}.parquet"
    records = [utterance(id=f"u{n}", labels=tuple(labels)) for n, labels in enumerate(rows)]
    pq.write_table(table_of(Utterance, records), path, row_group_size=5)
    return str(path)


@given(st.lists(ROWS, max_size=2), st.sampled_from([(), ("a",), ("a", "b")]))
def test_every_combination_comes_once(parts: list[list[list[Label]]], names: list[str]) -> None:
    with TemporaryDirectory() as folder:
        paths = [part(Path(folder), rows) for rows in parts]
        expected = {
            tuple_of([{"name": one.name, "value": one.value} for one in labels], names)
            for rows in parts
            for labels in rows
        }
        assert label_tuples(paths, names) == sorted(expected - {()})


def test_a_limit_is_of_each_part(tmp_path: Path) -> None:
    rows = [[Label("gender", "male")], [Label("gender", "female")]]
    assert label_tuples([part(tmp_path, rows)], limit=1) == [(("gender", "male"),)]


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "part-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(StageFailed, match=r"part-00000\.parquet: not a readable Parquet"):
        label_tuples([str(tmp_path / "part-00000.parquet")])
