"""Property tests try the same examples whatever ran before in their process."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ODD = range(10**12, 10**12 + 40)


def tried() -> list[tuple[int, str]]:
    """The examples of one property."""
    found: list[tuple[int, str]] = []

    @settings(max_examples=300)
    @given(st.integers(), st.text())
    def property_(number: int, text: str) -> None:
        found.append((number, text))

    property_()
    return found


def test_a_module_that_is_imported_meanwhile_changes_no_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tried()
    path = tmp_path / "with_constants.py"
    path.write_text(f"NUMBERS = {list(ODD)}\nTEXT = {'an odd constant'!r}\n", "utf-8")
    spec = importlib.util.spec_from_file_location("with_constants", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "with_constants", module)
    spec.loader.exec_module(module)
    assert len(before) == 300 and tried() == before
