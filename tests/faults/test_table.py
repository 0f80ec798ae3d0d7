"""The table of faults names files and tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
TABLE = Path(__file__).with_name("README.md").read_text(encoding="utf-8")


def test_every_file_and_test_of_the_table_is_there() -> None:
    paths = sorted(TESTS.rglob("test_*.py"))
    named = set(re.findall(r"\btest_\w+(?:\.py)?", TABLE))
    files = {name for name in named if name.endswith(".py")}
    assert not files - {path.name for path in paths}
    everything = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    missing = {name for name in named - files if f"def {name}(" not in everything}
    assert not missing
    assert len(named) > 30


def test_every_file_of_faults_is_in_the_table() -> None:
    here = {path.name for path in Path(__file__).parent.glob("test_*.py")} - {"test_table.py"}
    assert not {name for name in here if name not in TABLE}
