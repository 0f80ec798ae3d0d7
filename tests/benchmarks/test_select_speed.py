from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks import select_speed
from benchmarks.results import read_result
from benchmarks.select_corpus import write_corpus


def test_ours_alone(tmp_path: Path) -> None:
    flags = ["--without-peers", "--growth", "1", "--rounds", "1", "--output", str(tmp_path)]
    assert select_speed.main([*flags, "--rows", "600"]) == 1  # nothing to hold it against
    result, facts = read_result(tmp_path / "select_speed.json")
    assert not facts["complete"]
    rates = [one for one in result.series if one.unit == "rows/s"]
    assert [(one.program, one.size, len(one.values)) for one in rates] == [
        (select_speed.TWO, 600, 1),
        (select_speed.SEVEN, 600, 1),
    ]
    assert [(claim.text, claim.value, claim.reason) for claim in result.claims] == [
        ("600 rows, two cheap filters, against py-data-juicer", None, "run without peers"),
        (
            "600 rows, all seven rules against its two, against py-data-juicer",
            None,
            "run without peers",
        ),
    ]


def test_the_corpus_is_the_same_every_time(tmp_path: Path) -> None:
    one, other = (write_corpus(tmp_path / name, 400) for name in ("one", "other"))
    for path in sorted(one.annotate.iterdir()):
        assert path.read_bytes() == (other.annotate / path.name).read_bytes()
    assert one.lines.read_text(encoding="utf-8") == other.lines.read_text(encoding="utf-8")
    named = pq.read_table(one.annotate / "part-00000.parquet").drop(["character"])
    assert named.equals(pq.read_table(one.nameless / "part-00000.parquet").drop(["character"]))


def test_a_program_that_keeps_other_rows_is_no_winner() -> None:
    select_speed.check_same({"a", "b"}, {"b", "a"})
    with pytest.raises(SystemExit, match="py-data-juicer keeps 1, ours 2; 3 rows"):
        select_speed.check_same({"a", "b"}, {"c"})
