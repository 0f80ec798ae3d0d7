"""Kaldi's tables: joined right in any order, and without memory where they are sorted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import UsageError
from pipelines.sources.labelled.kaldi import KaldiTable, small_table, survey, table_lines

KEYS = st.lists(st.sampled_from([f"k{number:02d}" for number in range(12)]), max_size=14)


def write(path: Path, lines: list[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def opened(uri: str, lead: list[str]) -> KaldiTable:
    return KaldiTable(uri, ["utf-8"], lead_is_sorted=lead == sorted(lead))


@given(lead=KEYS, table=KEYS, in_order=st.booleans())
def test_a_join_is_that_of_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, lead: list[str], table: list[str], in_order: bool
) -> None:
    if in_order:
        lead, table = sorted(lead), sorted(table)
    lead = list(dict.fromkeys(lead))
    uri = write(
        tmp_path_factory.mktemp("kaldi") / "text",
        [f"{key} value {number}" for number, key in enumerate(table)],
    )
    first = {key: f"value {table.index(key)}" for key in table}
    joined = opened(uri, lead)
    assert [joined.find(key) for key in lead] == [first.get(key) for key in lead]
    left = list(joined.unasked())
    assert left == sorted(left)
    assert len(left) == len(table) - len(set(lead) & set(table))  # nothing is lost
    assert {line.key for line in left} >= set(table) - set(lead)


def test_sorted_tables_are_joined_without_memory(tmp_path: Path) -> None:
    keys = [f"{number:06d}" for number in range(5000)]
    uri = write(tmp_path / "text", [f"{key} x" for key in keys if key != "000100"])
    joined = opened(uri, keys)
    held = []
    for key in keys:
        assert joined.find(key) == (None if key == "000100" else "x")
        held.append(joined.held)
    assert max(held) == 0
    assert list(joined.unasked()) == []


def test_tables_in_the_same_order_are_joined_without_memory(tmp_path: Path) -> None:
    keys = [f"{number:06d}" for number in range(5000)]
    random.Random(0).shuffle(keys)
    joined = opened(write(tmp_path / "text", [f"{key} x" for key in keys]), keys)
    for key in keys:
        assert joined.find(key) == "x"
        assert joined.held == 0


def test_a_key_asked_for_again_has_its_value_still(tmp_path: Path) -> None:
    joined = opened(write(tmp_path / "text", ["a 1", "b 2", "b 3", "c 4"]), ["a", "b", "b", "c"])
    assert [joined.find(key) for key in ("a", "a", "b", "b", "c")] == ["1", "1", "2", "2", "4"]
    assert [(line.number, line.key) for line in joined.unasked()] == [(3, "b")]


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("\ufeffa  一 二 \r\n\n  \nb\tx\nc\n".encode())
    found = [(line.number, line.key, line.value) for line in table_lines(str(path))]
    assert found == [(1, "a", "一 二"), (4, "b", "x"), (5, "c", "")]
    assert survey(str(path), ["utf-8"]) == ("utf-8", True)
    assert small_table(str(path), ["utf-8"]) == {"a": "一 二", "b": "x", "c": ""}


def test_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "text"
    with pytest.raises(UsageError, match=r"text: cannot be read"):
        survey(str(path), ["utf-8"])
    path.write_bytes(b"a x\nb \xff\n")
    with pytest.raises(UsageError, match=r"text:2: not utf-8: .*set encodings"):
        survey(str(path), ["utf-8", "gb18030"])
    assert survey(str(path), ["utf-8", "latin-1"]).encoding == "latin-1"
    with pytest.raises(UsageError, match=r"text:1: not klingon"):
        survey(str(path), ["klingon"])
    path.write_bytes(b"a " + b"x" * (1 << 20))
    with pytest.raises(UsageError, match=r"text:1: over 1048576 bytes"):
        survey(str(path), ["utf-8"])
