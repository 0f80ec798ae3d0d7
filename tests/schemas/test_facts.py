"""The numbers of a stage: parts add up in any order, and ``stage.json`` is read back exactly."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import PartFacts, StageFacts
from schemas.facts import hours

_COUNT = st.integers(0, 2**40)
_COUNTS = st.dictionaries(st.sampled_from("abc"), _COUNT, max_size=3)
_COUNTERS = _COUNTS.map(Counter)
_SPEAKERS = st.sets(st.integers(0, 2**64 - 1), max_size=5).map(
    lambda found: np.array(sorted(found), dtype=np.uint64)
)
_PARTS = st.builds(
    PartFacts,
    rows_in=_COUNT,
    rows_out=_COUNT,
    microseconds_in=_COUNT,
    microseconds_out=_COUNT,
    rejected=_COUNTERS,
    rejected_microseconds=_COUNTERS,
    speakers_in=_SPEAKERS,
    speakers_out=_SPEAKERS,
    counts=_COUNTERS,
    run=_COUNTERS,
)
_NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
_HOURS = st.floats(0, 1e6)
_STAGES = st.builds(
    StageFacts,
    stage=_NAMES,
    source=_NAMES,
    unit=_NAMES,
    rows_in=_COUNT,
    rows_out=_COUNT,
    rejected=_COUNTS,
    hours_in=_HOURS,
    hours_out=_HOURS,
    rejected_hours=st.dictionaries(_NAMES, _HOURS, max_size=3),
    speakers_in=_COUNT,
    speakers_out=_COUNT,
    backend=st.none() | _NAMES,
    prompt_sha256=st.dictionaries(_NAMES, _NAMES, max_size=3),
    counts=_COUNTS,
    parts=st.none() | st.dictionaries(st.sampled_from(["a/b.tar", "part-00000.parquet"]), _COUNT),
)


def _plain(part: PartFacts) -> dict[str, Any]:
    """The fields, comparable: arrays as lists, counters with their zeros."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(part).items()
    } | {f"{name}.keys": sorted(getattr(part, name)) for name in ("rejected", "counts", "run")}


@given(_PARTS, _PARTS)
def test_the_order_of_two_parts_does_not_matter(one: PartFacts, other: PartFacts) -> None:
    assert _plain(one + other) == _plain(other + one)


@given(_PARTS, _PARTS, _PARTS)
def test_neither_does_their_grouping(one: PartFacts, two: PartFacts, three: PartFacts) -> None:
    assert _plain((one + two) + three) == _plain(one + (two + three))


@given(_PARTS)
def test_no_part_changes_nothing(part: PartFacts) -> None:
    assert _plain(part + PartFacts()) == _plain(part) == _plain(PartFacts() + part)


@given(_PARTS, _PARTS)
def test_rows_add_up_and_speakers_are_counted_once(one: PartFacts, other: PartFacts) -> None:
    total = one + other
    assert total.rows_in == one.rows_in + other.rows_in
    assert total.microseconds_out == one.microseconds_out + other.microseconds_out
    assert all(total.rejected[key] == one.rejected[key] + other.rejected[key] for key in "abc")
    together = {*one.speakers_in.tolist(), *other.speakers_in.tolist()}
    assert total.speakers_in.tolist() == sorted(together)


def test_a_count_of_zero_is_a_fact_too() -> None:
    total = PartFacts(run=Counter(calls=0)) + PartFacts(counts=Counter(a=0))
    assert dict(total.run) == {"calls": 0} and dict(total.counts) == {"a": 0}


@given(_STAGES)
def test_facts_come_back_from_their_json(facts: StageFacts) -> None:
    assert StageFacts.from_json(facts.to_json()) == facts


@given(_STAGES)
def test_the_json_is_one_stable_text(facts: StageFacts) -> None:
    text = facts.to_json()
    assert text == StageFacts.from_json(text).to_json()
    assert text.endswith("}\n")
    content = json.loads(text)
    assert list(content) == sorted(content)
    assert (content["in"], content["out"]) == (facts.rows_in, facts.rows_out)
    assert "rows_in" not in content


def _without(key: str) -> str:
    content = json.loads(
        StageFacts(
            stage="s",
            source="s",
            unit="u",
            rows_in=1,
            rows_out=1,
            rejected={},
            hours_in=0.0,
            hours_out=0.0,
            rejected_hours={},
            speakers_in=1,
            speakers_out=1,
            backend=None,
            prompt_sha256={},
            counts={},
        ).to_json()
    )
    del content[key]
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "null", "{}", _without("in"), _without("unit"), _without("out")]
    + [json.dumps({**json.loads(_without("unit")), "unit": "u", "more": 1})],
)
def test_what_is_not_the_facts_of_a_stage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the facts of a stage|Expecting value"):
        StageFacts.from_json(text)


@pytest.mark.parametrize(
    "parts", [[], 3, {"a": "1"}, {"a": True}, {"a": -1}, {"/etc/passwd": 1}, {"a/../../b": 1}]
)
def test_a_list_of_parts_that_is_none_is_refused(parts: object) -> None:
    text = json.dumps({**json.loads(_without("unit")), "unit": "u", "parts": parts})
    with pytest.raises(ValueError, match="not the facts of a stage: parts"):
        StageFacts.from_json(text)


def test_facts_without_a_list_of_parts_are_read_and_written_as_they_were() -> None:
    text = json.dumps({**json.loads(_without("unit")), "unit": "u"})
    facts = StageFacts.from_json(text)
    assert facts.parts is None
    assert "parts" not in json.loads(facts.to_json())


def test_hours_are_rounded_to_a_tenth_of_a_second_or_finer() -> None:
    assert hours(0) == 0.0
    assert hours(3_600_000_000) == 1.0
    assert abs(hours(100_000) * 3600 - 0.1) <= 0.002
