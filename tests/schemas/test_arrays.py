"""Arrow arrays by their buffers: what PyArrow's own conversions give, and no pandas."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Reason
from schemas.arrays import array_of, from_numpy, numbers_of, strings, truths_of, utf8_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CUT = st.tuples(st.integers(0, 9), st.integers(0, 40))


@given(st.lists(TEXT | st.none(), max_size=30))
def test_strings_are_those_of_pyarrow(values: list[str | None]) -> None:
    made = strings(values)
    made.validate(full=True)
    assert made.equals(pa.array(values, pa.string()))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, -(2**63)], pa.int64()),
        ([1.5, None, float("inf"), 3], pa.float64()),
        ([True, None, False], pa.bool_()),
        ([[1], None, []], pa.list_(pa.int64())),
        ([Reason.NAME_LEAKED, None], pa.string()),
        ([], pa.float64()),
        ([None], pa.int64()),
    ],
)
def test_an_array_of_values_is_that_of_pyarrow(values: list[object], kind: pa.DataType) -> None:
    made = array_of(values, kind)
    made.validate(full=True)
    assert made.equals(pa.array(values, kind))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([3], pa.string()),
        ([b"bytes"], pa.string()),
        (["3"], pa.int64()),
        ([1.5], pa.int64()),
        (["1.5"], pa.float64()),
    ],
)
def test_a_value_of_another_type_is_refused(values: list[object], kind: pa.DataType) -> None:
    with pytest.raises(pa.ArrowTypeError):
        array_of(values, kind)


def test_a_number_that_is_too_large_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid, match="int64"):
        array_of([2**63], pa.int64())


@given(st.lists(st.booleans() | st.none(), max_size=40), CUT)
def test_truths_there_and_back(values: list[bool | None], cut: tuple[int, int]) -> None:
    column = pa.array(values, pa.bool_())[slice(*cut)]
    truths = truths_of(column)
    assert truths.tolist() == [bool(value) for value in values[slice(*cut)]]
    assert from_numpy(truths).equals(column.fill_null(False))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40), CUT)
def test_numbers_there_and_back(values: list[int], cut: tuple[int, int]) -> None:
    column = pa.array(values, pa.int64())[slice(*cut)]
    numbers = numbers_of(column)
    assert numbers.tolist() == values[slice(*cut)]
    assert from_numpy(numbers).equals(column)


def test_numbers_of_several_pieces_and_of_none() -> None:
    assert numbers_of(pa.chunked_array([[1.5], [2.5]])).tolist() == [1.5, 2.5]
    assert numbers_of(pa.chunked_array([], pa.float64())).tolist() == []


def test_a_null_is_no_number() -> None:
    with pytest.raises(pa.ArrowTypeError, match="null"):
        numbers_of(pa.array([1, None]))


def test_numbers_that_are_not_in_a_row_in_memory() -> None:
    every_other = np.arange(6)[::2]
    assert from_numpy(every_other).to_pylist() == [0, 2, 4]


@given(st.lists(TEXT, max_size=30), CUT)
def test_the_utf8_of_a_column(values: list[str], cut: tuple[int, int]) -> None:
    data, edges = utf8_of(pa.array(values, pa.string())[slice(*cut)])
    pairs = zip(edges[:-1], edges[1:], strict=True)
    assert [data[start:end].tobytes().decode() for start, end in pairs] == values[slice(*cut)]


def test_pandas_is_not_imported() -> None:
    code = (
        "import sys, numpy as np, pyarrow as pa\n"
        "from schemas import Reason, Rejection, table_of\n"
        "from schemas.arrays import from_numpy, numbers_of, strings, truths_of, utf8_of\n"
        "numbers_of(from_numpy(np.arange(3)))\n"
        "truths_of(from_numpy(np.ones(3, bool)))\n"
        "utf8_of(strings(['a', None]))\n"
        "table_of(Rejection, [Rejection(record_id='a', stage='select', detail='',\n"
        "    reason=Reason.NAME_LEAKED, location='a:b', duration=None)])\n"
        "assert 'pandas' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
