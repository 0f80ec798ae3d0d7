from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from pipelines.stages.columns import from_columns, with_columns
from pipelines.stages.microseconds import to_microseconds
from schemas.episode import SpeechTurn
from tests.pipelines.stages.drama import sentence, turn


def test_with_columns_is_replace_for_many() -> None:
    lines = [sentence(0, 1), sentence(2, 3)]
    changed = with_columns(lines, speaker=["A", None], margin=[0.5, 0.0])
    assert changed == [
        replace(lines[0], speaker="A", margin=0.5),
        replace(lines[1], speaker=None, margin=0.0),
    ]
    assert lines == [sentence(0, 1), sentence(2, 3)]
    with pytest.raises(FrozenInstanceError):
        changed[0].speaker = "B"  # type: ignore[misc]


def test_wrong_columns_are_errors() -> None:
    assert with_columns([], speaker=[]) == []
    with pytest.raises(TypeError, match="has the fields"):
        with_columns([turn(0, 1, "A")], speeker=["B"])
    with pytest.raises(ValueError, match="'speaker': 2"):
        with_columns([turn(0, 1, "A")], speaker=["B", "C"])
    with pytest.raises(TypeError, match="not a dataclass"):
        with_columns(["text"], speaker=["B"])
    with pytest.raises(TypeError, match="has the fields"):
        from_columns(SpeechTurn, start=[1.0])


def test_a_dataclass_that_computes_something_when_made_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Computed:
        value: int

        def __post_init__(self) -> None:
            raise AssertionError("never called")

    with pytest.raises(TypeError, match="__post_init__"):
        from_columns(Computed, value=[1])


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, 1e16])
def test_a_number_that_is_no_time_is_an_error(seconds: float) -> None:
    with pytest.raises(ValueError, match="not a time"):
        to_microseconds(seconds)
