"""Ids of two parts, against a dictionary."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.duplicates import BUCKETS, bucket_hashes, repeated_hashes
from schemas.facts import Hashes

# Few low bits under few high ones: collisions, equal buckets and the edges of the range.
_HASHES = st.builds(
    lambda high, low: (high << 56) + low,
    st.sampled_from([0, 1, 127, 128, 255]),
    st.integers(0, 5) | st.just(2**56 - 1),
)
_PARTS = st.lists(st.lists(_HASHES, max_size=12, unique=True), max_size=6)


def _array(values: list[int]) -> Hashes:
    return np.array(values, dtype=np.uint64)


@given(_PARTS)
def test_a_later_part_has_what_an_earlier_one_had(parts: list[list[int]]) -> None:
    buckets: dict[int, list[tuple[int, Hashes]]] = defaultdict(list)
    for index in reversed(range(len(parts))):  # workers end in any order
        for bucket, hashes in bucket_hashes(_array(parts[index])):
            buckets[bucket].append((index, hashes))
    found: dict[int, set[int]] = defaultdict(set)
    for marked in buckets.values():
        for index, hashes in repeated_hashes(marked).items():
            found[index] |= set(hashes.tolist())

    first: dict[int, int] = {}
    expected: dict[int, set[int]] = defaultdict(set)
    for index, part in enumerate(parts):
        for value in part:
            if first.setdefault(value, index) != index:
                expected[index].add(value)
    assert found == expected


@given(st.lists(_HASHES, max_size=40))
def test_buckets_hold_every_hash_once_by_its_top_byte(values: list[int]) -> None:
    split = list(bucket_hashes(_array(values)))
    assert sorted(int(h) for _, hashes in split for h in hashes) == sorted(values)
    assert all(int(h) >> 56 == bucket for bucket, hashes in split for h in hashes)
    assert all(len(hashes) for _, hashes in split)
    assert len(split) == len({bucket for bucket, _ in split}) <= BUCKETS


def test_the_part_of_lowest_index_keeps_its_row_whatever_arrives_first() -> None:
    bucket = [(7, _array([5])), (2, _array([5, 9])), (4, _array([9, 5]))]
    found = {part: sorted(hashes.tolist()) for part, hashes in repeated_hashes(bucket).items()}
    assert found == {4: [5, 9], 7: [5]}
