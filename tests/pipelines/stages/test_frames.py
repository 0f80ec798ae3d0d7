from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.frames import frame_times

hundredths = st.integers(0, 10_000_000)


@given(hundredths, hundredths, st.integers(1, 64))
def test_times_rise_within_the_scene_and_are_evenly_spread(
    start: int, duration: int, frames: int
) -> None:
    times = frame_times(start / 100, duration / 100, frames)
    assert len(times) == frames
    assert list(times) == sorted(times)
    first, last = 10_000 * start, 10_000 * (start + duration)
    assert first <= times[0] and times[-1] <= last
    for place, time in enumerate(times):  # the middle of its part, cut to a microsecond
        middle = first + (2 * place + 1) * 10_000 * duration / (2 * frames)
        assert abs(time - middle) <= 1


def test_a_scene_without_length_is_looked_at_where_it_is() -> None:
    assert frame_times(2.5, 0.0, 3) == (2_500_000,) * 3


def test_an_impossible_scene_is_an_error() -> None:
    with pytest.raises(ValueError, match="ends before it begins: -1"):
        frame_times(2.5, -1.0, 3)
    with pytest.raises(ValueError, match="not a time"):
        frame_times(float("inf"), 1.0, 3)
    with pytest.raises(ValueError, match="at least one frame, not 0"):
        frame_times(0.0, 1.0, 0)
