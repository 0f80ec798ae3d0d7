"""Columns -> frozen records, at the speed of columns.

Calling a frozen dataclass with nine fields costs about 3 us, `dataclasses.replace` more, most of it
in `__init__`, which sets one field after the other through `object.__setattr__`. Setting one field
of all records at a time, through its slot, costs a fifth.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import repeat
from operator import attrgetter
from typing import TypeVar

Record = TypeVar("Record")


def from_columns(kind: type[Record], **columns: Iterable[object]) -> list[Record]:
    """What ``[kind(name=value, ...) for value, ... in zip(...)]`` gives.

    Values are not checked, as they are not when a dataclass is called.

    Args:
        kind: a dataclass with slots and without ``__post_init__``.
        columns: the values of every field, in order of the records.

    Raises:
        TypeError: ``kind`` is something else, or the columns are not its fields.
        ValueError: the columns are not all of one length.

    >>> from schemas.episode import SpeechTurn
    >>> from_columns(SpeechTurn, start=[0.5], duration=[1.0], speaker=["A"])
    [SpeechTurn(start=0.5, duration=1.0, speaker='A')]
    """
    names = _fields(kind)
    if columns.keys() != set(names):
        raise TypeError(f"{kind.__name__} has the fields {names}, not {sorted(columns)}")
    lists = {name: list(columns[name]) for name in names}
    return _filled(kind, lists, _length(lists))


def with_columns(records: Sequence[Record], **columns: Iterable[object]) -> list[Record]:
    """What ``[replace(record, name=value, ...) for ...]`` gives, a column of values for each name.

    Args:
        records: all of one type that :func:`from_columns` can make.
        columns: one value for each record, by field.

    Raises:
        TypeError: the records are of another kind, or it has no field of a column's name.
        ValueError: a column is shorter or longer than the records.

    >>> from schemas.episode import SpeechTurn
    >>> with_columns([SpeechTurn(start=0.5, duration=1.0, speaker="A")], speaker=["B"])
    [SpeechTurn(start=0.5, duration=1.0, speaker='B')]
    """
    if not records:
        return []
    kind = type(records[0])
    names = _fields(kind)
    if not columns.keys() <= set(names):
        raise TypeError(f"{kind.__name__} has the fields {names}, not all of {sorted(columns)}")
    lists = {name: list(values) for name, values in columns.items()}
    count = _length({"records": records, **lists})
    # Kept values go from record to record, without a list between.
    kept: dict[str, Iterable[object]] = {
        name: map(attrgetter(name), records) for name in names if name not in columns
    }
    return _filled(kind, kept | lists, count)


def _fields(kind: type) -> tuple[str, ...]:
    slots = getattr(kind, "__slots__", None)
    if not dataclasses.is_dataclass(kind) or slots is None or hasattr(kind, "__post_init__"):
        raise TypeError(f"not a dataclass with slots and no __post_init__: {kind.__name__}")
    return tuple(field.name for field in dataclasses.fields(kind))


def _length(columns: Mapping[str, Sized]) -> int:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"columns of {lengths} values")
    return next(iter(lengths.values()))


def _filled(
    kind: type[Record], columns: Mapping[str, Iterable[object]], count: int
) -> list[Record]:
    records: list[Record] = list(map(object.__new__, repeat(kind, count)))
    for name, values in columns.items():
        # A frozen dataclass guards attributes, not the slots behind them. The deque runs the map.
        deque(map(getattr(kind, name).__set__, records, values), maxlen=0)
    return records
