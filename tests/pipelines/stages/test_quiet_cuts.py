"""A stream in chunks: nothing lost, nothing long, cut in the silence."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.stages.quiet_cuts import cut_at_quiet, quietest

RATE = 400


def loud(seconds: float, *silences: tuple[float, float]) -> NDArray[np.float32]:
    sound = np.random.default_rng(0).uniform(0.5, 1, round(seconds * RATE)).astype(np.float32)
    for begin, end in silences:
        sound[round(begin * RATE) : round(end * RATE)] = 0
    return sound


@given(
    st.integers(0, 4000),
    st.lists(st.integers(1, 900), min_size=1, max_size=9),
    st.sampled_from([0.01, 0.5, 1.0, 3.0]),
)
def test_the_chunks_are_the_recording_whatever_the_blocks(
    length: int, edges: list[int], chunk_s: float
) -> None:
    sound = loud(length / RATE)
    whole = list(cut_at_quiet([sound], RATE, chunk_s))
    blocks = np.split(sound, np.unique(np.cumsum(edges) % (length + 1)))
    pieces = list(cut_at_quiet(blocks, RATE, chunk_s))
    assert [begin for begin, _ in pieces] == [begin for begin, _ in whole]
    assert np.array_equal(np.concatenate([np.zeros(0), *(s for _, s in pieces)]), sound)
    at = 0
    for begin, samples in pieces:
        assert begin == at
        assert len(samples)
        at += len(samples)
    for _, samples in pieces[:-1]:
        assert len(samples) <= max(round(chunk_s * RATE), 1)


def test_the_cut_is_in_the_silence() -> None:
    sound = loud(30, (8.0, 9.5), (17.0, 18.2))
    begins = [begin / RATE for begin, _ in cut_at_quiet([sound], RATE, 10.0)]
    assert begins[0] == 0
    assert 8.3 < begins[1] < 9.2
    assert 17.3 < begins[2] < 17.9


def test_no_short_rest_stands_alone() -> None:
    for seconds in (10.0, 11.0, 12.4, 12.6, 20.0, 25.3):
        chunks = list(cut_at_quiet([loud(seconds)], RATE, 10.0))
        assert len(chunks[-1][1]) >= 2.5 * RATE  # a quarter of a chunk


def test_of_a_long_silence_the_middle() -> None:
    assert abs(quietest(loud(20, (5, 15)), RATE) / RATE - 10) < 0.1
    assert quietest(np.zeros(20 * RATE, np.float32), RATE) == 10 * RATE
    assert quietest(loud(0.5), RATE) == round(0.25 * RATE)


def test_memory_is_not_the_recording() -> None:
    """Chunks come while the stream runs."""
    read = 0

    def blocks() -> object:
        nonlocal read
        for _ in range(100):
            read += 1
            yield loud(1.0)

    stream = cut_at_quiet(blocks(), RATE, 10.0)  # type: ignore[arg-type]
    next(stream)
    assert read <= 14
