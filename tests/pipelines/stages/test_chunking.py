"""Cut, fade, join: every sample comes back once, and a seam is not heard."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sound import Samples
from pipelines.stages.chunking import Chunk, Chunking, cut_chunks, join_chunks, plan_chunks


def blocks_of(samples: Samples, sizes: list[int]) -> Iterator[Samples]:
    """The samples in pieces of these sizes, over and over."""
    at, number = 0, 0
    while at < samples.shape[1]:
        size = sizes[number % len(sizes)]
        yield samples[:, at : at + size]
        at, number = at + size, number + 1


@given(
    frames=st.integers(0, 400),
    hop=st.integers(1, 60),
    share=st.floats(0, 1),
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=4),
)
def test_what_is_not_changed_comes_back_as_it_was(
    frames: int, hop: int, share: float, sizes: list[int]
) -> None:
    chunking = Chunking(hop=hop, overlap=int(share * hop))
    samples = np.random.default_rng(0).uniform(-1, 1, (2, frames)).astype(np.float32)
    chunks = list(cut_chunks(blocks_of(samples, sizes), chunking))
    for number, chunk in enumerate(chunks):
        begin = number * hop
        expected = samples[:, begin : begin + hop + chunking.overlap]
        np.testing.assert_array_equal(chunk.samples, expected)
        assert chunk.last == (number == len(chunks) - 1)
        assert number == 0 or chunk.samples.shape[1] > chunking.overlap
    joined = list(join_chunks(chunks, chunking.overlap))
    if not frames:
        assert joined == []
        return
    np.testing.assert_allclose(np.concatenate(joined, axis=1), samples, atol=1e-6)


def test_a_difference_between_chunks_is_faded_not_switched() -> None:
    chunking = Chunking(hop=1000, overlap=200)
    silence = np.zeros((1, 5000), np.float32)
    levels = iter((0.0, 1.0, 0.0, 1.0, 0.0))
    chunks = (
        Chunk(chunk.samples + next(levels), chunk.last) for chunk in cut_chunks([silence], chunking)
    )
    joined = np.concatenate(list(join_chunks(chunks, chunking.overlap)), axis=1)
    assert joined.shape == silence.shape
    assert joined.max() == pytest.approx(1.0)
    assert np.abs(np.diff(joined)).max() == pytest.approx(1 / 200, rel=0.01)


def test_the_input_is_left_as_it_was() -> None:
    samples = np.ones((1, 300), np.float32)
    chunks = list(cut_chunks([samples], Chunking(hop=100, overlap=50)))
    list(join_chunks((Chunk(one.samples * 2, one.last) for one in chunks), 50))
    assert (samples == 1).all()


@given(
    grid=st.integers(1, 300_000),
    chunk_s=st.floats(0.1, 100.0),
    overlap_share=st.floats(0.0, 0.99),
)
def test_chunks_begin_on_the_grid_and_no_three_overlap(
    grid: int, chunk_s: float, overlap_share: float
) -> None:
    chunking = plan_chunks(44100, grid, chunk_s, overlap_share * chunk_s)
    assert chunking.hop > 0
    assert chunking.hop % grid == 0
    assert 0 <= chunking.overlap <= chunking.hop
    wanted = (1 - overlap_share) * chunk_s * 44100
    assert abs(chunking.hop - wanted) <= max(grid, wanted / 2) + 1
