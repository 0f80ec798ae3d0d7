"""What a streaming JSON parser is spared, wherever the chunks are cut."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.base import Refusal
from pipelines.sources.json_screen import MAX_DEPTH, ScreenedJson

_VALUES = st.recursive(
    st.text(alphabet='ab"\\{}[]\n') | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\[', max_size=3), inner),
    max_leaves=20,
)


def _read(content: bytes, size: int) -> bytes:
    stream = ScreenedJson(io.BytesIO(content))
    return b"".join(iter(lambda: stream.read(size), b""))


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, dict | list) + max(map(_depth, inner), default=0)


@given(value=_VALUES, size=st.integers(1, 40), levels=st.integers(0, MAX_DEPTH + 3))
def test_brackets_are_counted_outside_of_strings_only(
    value: object, size: int, levels: int
) -> None:
    content = b"[" * levels + json.dumps(value, ensure_ascii=False).encode() + b"]" * levels
    if _depth(value) + levels <= MAX_DEPTH:
        assert _read(content, size) == content
    else:
        with pytest.raises(Refusal, match=f"more than {MAX_DEPTH} objects and lists"):
            _read(content, size)


def test_a_string_without_end_is_gone_through_once() -> None:
    """With the square of its length it would take hours; the time limit of a test says so."""
    content = b'{"a": "' + b'\\"[' * 1_000_000
    assert _read(content, 1 << 20) == content


def test_numbers_are_screened_across_chunks() -> None:
    assert _read(b"[" + b"1" * 4300 + b"]", 1000)
    with pytest.raises(Refusal, match="a number of more than 4300 digits"):
        _read(b"[" + b"1" * 4301 + b"]", 1000)
