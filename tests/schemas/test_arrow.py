"""Records to Arrow and back, and the schemas as the contract they are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas import (
    AnnotatedUtterance,
    Label,
    Reason,
    Rejection,
    Utterance,
    arrow_schema,
    record_of,
    table_of,
)
from tests.records import annotated, utterance

GOLDEN = Path(__file__).parents[1] / "golden" / "schemas.json"
_FACTS = {"PartFacts", "StageFacts"}  # JSON, not Parquet
RECORDS: dict[str, type] = {
    name: found
    for name in schemas.__all__
    if dataclasses.is_dataclass(found := getattr(schemas, name))
    and isinstance(found, type)
    and name not in _FACTS
}
_TEXT = st.text(st.characters(codec="utf-8"), max_size=10)


def described(record_type: type) -> list[str]:
    """A line for each field: name, type, and whether it may be null."""
    schema = arrow_schema(record_type)
    return [f"{f.name}: {f.type}{'' if f.nullable else ' not null'}" for f in schema]


def _utterances() -> st.SearchStrategy[Utterance]:
    return st.builds(
        utterance,
        text=_TEXT,
        title=st.none() | _TEXT,
        tags=st.lists(_TEXT, max_size=3).map(tuple),
        labels=st.lists(st.builds(Label, _TEXT, _TEXT), max_size=3).map(tuple),
        duration=st.floats(0, 1e6),
        dnsmos=st.none() | st.floats(1, 5),
        audio_offset=st.integers(0, 2**62),
    )


@given(st.lists(_utterances(), max_size=5))
def test_records_come_back_as_they_were(records: list[Utterance]) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table_of(Utterance, records), sink, compression="zstd")
    table = pq.read_table(pa.BufferReader(sink.getvalue()))
    assert table.schema.equals(arrow_schema(Utterance))
    rows = table.to_pylist()
    assert [record_of(Utterance, row) for row in rows] == records


def test_records_and_mappings_give_the_same_table() -> None:
    record = annotated(tags=("a", "b"))
    row = dataclasses.asdict(record)
    assert table_of(AnnotatedUtterance, [record]) == table_of(AnnotatedUtterance, [row])


@pytest.mark.parametrize("record_type", RECORDS.values(), ids=RECORDS)
def test_an_empty_table_has_the_schema(record_type: type) -> None:
    assert table_of(record_type, []).schema.equals(arrow_schema(record_type), check_metadata=True)


_REQUIRED = [f.name for f in arrow_schema(AnnotatedUtterance) if not f.nullable]


@pytest.mark.parametrize("name", _REQUIRED)
def test_a_null_where_none_may_be_is_refused_and_named(name: str) -> None:
    row = {**dataclasses.asdict(annotated()), name: None}
    with pytest.raises(pa.ArrowInvalid, match=rf"AnnotatedUtterance\.{name} may not be null"):
        table_of(AnnotatedUtterance, [annotated(), row])


@pytest.mark.parametrize("name", [f.name for f in arrow_schema(AnnotatedUtterance) if f.nullable])
def test_a_null_where_one_may_be_is_kept(name: str) -> None:
    row = {**dataclasses.asdict(annotated()), name: None}
    assert table_of(AnnotatedUtterance, [row]).column(name).to_pylist() == [None]


def test_a_field_that_is_left_out_is_a_null() -> None:
    row = dataclasses.asdict(utterance())
    del row["speaker"]
    with pytest.raises(pa.ArrowInvalid, match=r"Utterance\.speaker may not be null"):
        table_of(Utterance, [row])


@pytest.mark.parametrize(("name", "value"), [("duration", "long"), ("text", 3), ("tags", 3)])
def test_a_value_of_another_type_is_refused(name: str, value: object) -> None:
    row = {**dataclasses.asdict(utterance()), name: value}
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        table_of(Utterance, [row])


def test_every_reason_is_written_as_its_text() -> None:
    rows = [
        Rejection(record_id="a", stage="s", reason=r, detail="", location="", duration=None)
        for r in Reason
    ]
    written = table_of(Rejection, rows).column("reason").to_pylist()
    assert [Reason(text) for text in written] == list(Reason)
    assert all(text == text.lower() for text in written)


@pytest.mark.parametrize("record_type", RECORDS.values(), ids=RECORDS)
def test_every_field_documents_itself(record_type: type) -> None:
    for field in arrow_schema(record_type):
        assert field.metadata and len(field.metadata[b"doc"]) > 5, field.name


@dataclasses.dataclass(frozen=True)
class _Inner:
    at: float
    who: str | None


@dataclasses.dataclass(frozen=True)
class _Outer:
    inner: _Inner
    maybe: _Inner | None
    many: tuple[_Inner, ...]
    flag: bool
    kind: Reason


def test_records_inside_records() -> None:
    schema = arrow_schema(_Outer)
    assert [field.nullable for field in schema] == [False, True, False, False, False]
    assert schema.field("inner").type == pa.struct(list(arrow_schema(_Inner)))
    assert schema.field("many").type.value_type == schema.field("inner").type
    row: dict[str, Any] = {
        "inner": {"at": 1.0, "who": None},
        "maybe": None,
        "many": [{"at": 2.0, "who": "a"}],
        "flag": True,
        "kind": Reason.DEAD_LETTER,
    }
    assert table_of(_Outer, [row]).to_pylist() == [{**row, "kind": "dead_letter"}]


@pytest.mark.parametrize(
    "hint", [dict[str, int], list[str], tuple[int, str], int | str, object, set[int]]
)
def test_a_type_that_no_rule_covers_is_refused(hint: Any) -> None:  # noqa: ANN401
    made = dataclasses.make_dataclass("Odd", [("field", hint)])
    with pytest.raises(TypeError, match="no Arrow type for"):
        arrow_schema(made)


@pytest.mark.parametrize("name", RECORDS)
def test_a_schema_stays_what_it_is(name: str) -> None:
    """Corpora that were written are read for years: a change here is a change of their format."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert name in golden, f"new record: python -m {__name__} adds it to {GOLDEN.name}"
    assert described(RECORDS[name]) == golden[name]


def test_the_golden_file_holds_no_record_that_is_gone() -> None:
    assert json.loads(GOLDEN.read_text(encoding="utf-8")).keys() <= RECORDS.keys()


if __name__ == "__main__":
    text = json.dumps({name: described(kind) for name, kind in sorted(RECORDS.items())}, indent=1)
    GOLDEN.write_text(text + "\n", encoding="utf-8")
