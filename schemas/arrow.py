"""From a frozen dataclass to its Arrow schema: one source of truth for names, types and nulls."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

import pyarrow as pa

from schemas.arrays import array_of

Record = TypeVar("Record")

_SCALARS: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


def column(doc: str, **kwargs: Any) -> Any:  # noqa: ANN401  (dataclasses.field is untyped too)
    """A dataclass field that documents itself; ``doc`` becomes Arrow field metadata."""
    return dataclasses.field(metadata={"doc": doc}, **kwargs)


@cache
def arrow_schema(record_type: type) -> pa.Schema:
    """The Arrow schema of a record type.

    ``X | None`` gives a nullable field, everything else a field that may not be null;
    ``tuple[X, ...]`` gives a list; a ``str`` enum gives a string.

    Raises:
        TypeError: a field has a type that no rule covers.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Turn:
    ...     text: str
    ...     start: float | None
    >>> [(f.name, str(f.type), f.nullable) for f in arrow_schema(Turn)]
    [('text', 'string', False), ('start', 'double', True)]
    """
    hints = typing.get_type_hints(record_type)
    fields = []
    for field in dataclasses.fields(record_type):
        arrow_type, nullable = _arrow_type(hints[field.name])
        doc = field.metadata.get("doc")
        metadata = {"doc": doc} if doc else None
        fields.append(pa.field(field.name, arrow_type, nullable=nullable, metadata=metadata))
    return pa.schema(fields)


def table_of(record_type: type, rows: Iterable[object | Mapping[str, object]]) -> pa.Table:
    """Rows (records or mappings of their fields) as a table with the record's exact schema.

    Raises:
        pa.ArrowInvalid: a row does not fit the schema, a null in a field that may not be null
            included.
    """
    schema, rows = arrow_schema(record_type), list(rows)
    if all(isinstance(row, record_type) for row in rows):  # column by column: ten times faster
        table = pa.Table.from_arrays(_columns(rows, schema), schema=schema)
    else:
        dicts = [row if isinstance(row, Mapping) else _as_dict(row) for row in rows]
        table = pa.Table.from_pylist(dicts, schema=schema)
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise pa.ArrowInvalid(f"{record_type.__name__}.{field.name} may not be null")
    return table


def _columns(records: list[Any], schema: pa.Schema) -> list[pa.Array]:
    columns = {field.name: [getattr(one, field.name) for one in records] for field in schema}
    nested = [field.name for field in schema if pa.types.is_nested(field.type)]
    for name in nested:
        columns[name] = [_plain(value) for value in columns[name]]
    # Rejections are flat, and nearly every stage writes them: for them alone no pandas. The rest
    # is PyArrow's, which imports it and is three times as fast.
    make = pa.array if nested else array_of
    return [make(columns[field.name], field.type) for field in schema]


def _as_dict(record: object) -> dict[str, object]:
    names = [field.name for field in dataclasses.fields(record)]  # type: ignore[arg-type]
    return {name: _plain(getattr(record, name)) for name in names}


def record_of(record_type: type[Record], row: Mapping[str, Any]) -> Record:
    """The record that a row of a table with the record's schema stands for; records in it too.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Scene:
    ...     texts: tuple[str, ...]
    >>> record_of(Scene, {"texts": ["a", "b"]})
    Scene(texts=('a', 'b'))
    """
    hints = _hints(typing.cast(type, record_type))
    return record_type(**{name: _restored(hint, row[name]) for name, hint in hints.items()})


@cache
def _hints(record_type: type) -> dict[str, Any]:
    """The types of a record's fields; reading them from the annotations takes most of the time."""
    hints = typing.get_type_hints(record_type)
    return {field.name: hints[field.name] for field in dataclasses.fields(record_type)}


def _restored(hint: Any, value: Any) -> Any:  # noqa: ANN401  (a type form, and any value)
    if typing.get_origin(hint) is tuple and value is not None:
        element = typing.get_args(hint)[0]
        return tuple(_restored(element, one) for one in value)
    if isinstance(hint, type) and value is not None:
        if dataclasses.is_dataclass(hint):
            return record_of(hint, value)
        if issubclass(hint, enum.Enum):
            return hint(value)
    return value


def _plain(value: object) -> object:
    """Records inside a record as mappings too; not dataclasses.asdict, which copies every leaf."""
    if isinstance(value, tuple):
        return [_plain(element) for element in value]
    if dataclasses.is_dataclass(value):
        return _as_dict(value)
    return value


def _arrow_type(hint: Any) -> tuple[pa.DataType, bool]:  # noqa: ANN401  (a type form)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if (
        origin in (types.UnionType, typing.Union)
        and type(None) in arguments
        and len(arguments) == 2
    ):
        inner = next(argument for argument in arguments if argument is not type(None))
        return _arrow_type(inner)[0], True
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        element, nullable = _arrow_type(arguments[0])
        return pa.list_(pa.field("element", element, nullable=nullable)), False
    if isinstance(hint, type):
        if hint in _SCALARS:
            return _SCALARS[hint], False
        if issubclass(hint, enum.Enum) and issubclass(hint, str):
            return pa.string(), False
        if dataclasses.is_dataclass(hint):
            return pa.struct(list(arrow_schema(hint))), False
    raise TypeError(f"no Arrow type for {hint!r}")
