"""Rows of ASCII, rows of any script and a mixture of both are measured alike."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages import wording
from pipelines.stages.letters import Script, folded, scripts
from pipelines.stages.wording import Wordings, measure, measure_column

_texts = st.lists(
    st.text(alphabet="aBc dE9.,'!_-\n\t\x00\x7f", max_size=12)
    | st.text(alphabet="aB éÉ 轻声かナ한 Ж0９", max_size=8)
    | st.text(max_size=8),
    max_size=8,
)


def by_row(measured: Wordings, row: int) -> tuple[object, ...]:
    """All that is known of one row."""
    own = measured.word_rows == row
    return (
        int(measured.words[row]),
        int(measured.letters[row]),
        measured.script_letters[row].tolist(),
        int(measured.whole[row]),
        int(measured.opening[row]),
        measured.word_hashes[own].tolist(),
    )


@given(_texts, st.integers(1, 3))
def test_a_row_is_measured_the_same_alone_and_among_others(texts: list[str], words: int) -> None:
    together = measure(texts, words)
    for row, text in enumerate(texts):
        assert by_row(together, row) == by_row(measure([text], words), 0)


@given(_texts, st.integers(1, 3))
def test_ascii_is_measured_as_code_points_are(texts: list[str], words: int) -> None:
    texts = [text.encode("ascii", "ignore").decode() for text in texts]
    column = pa.array(texts, pa.string())
    quick = measure_column(column, words)
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32)
    edges = np.cumsum([0, *map(len, texts)])
    thorough = wording._measure_codes(codes, edges, words)
    for field in dataclasses.fields(Wordings):
        expected = getattr(thorough, field.name).tolist()
        assert getattr(quick, field.name).tolist() == expected, field.name


@pytest.mark.parametrize("texts", [[], [""], ["", "..."], ["轻", ""], ["", "a", "", "é", ""]])
def test_rows_without_words(texts: list[str]) -> None:
    measured = measure(texts, 2)
    expected = [0 if text in ("", "...") else 1 for text in texts]
    assert measured.words.tolist() == expected
    assert (measured.whole != 0).tolist() == [bool(one) for one in expected]


def test_a_slice_of_a_column_is_its_own() -> None:
    column = pa.array(["not this one", "Softly now", "leiser, é", "nor this"]).slice(1, 2)
    measured = measure_column(column, 1)
    expected = measure(["Softly now", "leiser, é"], 1)
    assert measured.words.tolist() == [2, 2]
    assert measured.whole.tolist() == expected.whole.tolist()
    assert measured.opening.tolist() == expected.opening.tolist()


def test_the_letters_are_those_of_python() -> None:
    table = scripts()
    for code in [*range(0x3000), *range(0xA000, 0x11000), 0x2A6DF, 0x2A6E0, 0x10FFFF]:
        if 0xD800 <= code < 0xE000:
            continue
        assert (table[code] != Script.NONE) == chr(code).isalpha(), hex(code)
    assert folded()[ord("É")] == ord("e")
