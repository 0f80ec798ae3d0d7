"""Hashes of strings: equal for equal ones only, whatever the column they stand in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.hashes import hash_strings
from schemas.arrays import strings

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(TEXT, max_size=20), st.integers(0, 3), st.integers(0, 20))
def test_a_hash_is_the_strings_own(texts: list[str], cut: int, edge: int) -> None:
    alone = [int(hash_strings(strings([text]))[0]) for text in texts]
    assert hash_strings(strings(texts)[cut:]).tolist() == alone[cut:]
    pieces = pa.chunked_array([strings(texts[:edge]), strings(texts[edge:])])
    assert hash_strings(pieces).tolist() == alone
    assert len(set(alone)) == len(set(texts))


def test_strings_that_are_nearly_alike_differ() -> None:
    texts = ["", "\0", "\0\0", "a", "a\0", "\0a", "aa", "b", "ab", "ba", *map(str, range(100_000))]
    assert len(np.unique(hash_strings(strings(texts)))) == len(texts)


def test_hashes_are_the_same_in_every_release() -> None:
    """Counts of speakers, repeated ids and samples go by them: another rule is another corpus."""
    assert hash_strings(strings(["", "zoe", "心"])).tolist() == [
        0,
        11458477514374102290,
        9021567414248523318,
    ]


def test_a_null_has_no_hash() -> None:
    with pytest.raises(ValueError, match="1 of 2 strings are null"):
        hash_strings(strings(["a", None]))
