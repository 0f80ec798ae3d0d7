"""Which moments of a scene are looked at.

MCLP 5.2 gives Qwen-VL the scene's video and leaves the sampling to it. Here a scene is cut into
equal parts and the middle of each is taken: neither the first nor the last moment, where a cut to
another place is likeliest, and the same moments whoever decodes them.
"""

from __future__ import annotations

from pipelines.stages.microseconds import to_microseconds


def frame_times(start: float, duration: float, frames: int) -> tuple[int, ...]:
    """The middles of ``frames`` equal parts of a scene.

    Args:
        start: of the scene, seconds from the start of the recording.
        duration: of the scene, seconds.
        frames: how many.

    Returns:
        Whole microseconds from the start of the recording, rising; equal ones where the scene is
        shorter than a microsecond a frame.

    Raises:
        ValueError: a time is not a finite number, the scene ends before it begins, or no frame
            is wanted.

    >>> frame_times(10.0, 4.0, 4)
    (10500000, 11500000, 12500000, 13500000)
    """
    begins, length = to_microseconds(start), to_microseconds(duration)
    if length < 0:
        raise ValueError(f"a scene that ends before it begins: {duration!r} s")
    if frames < 1:
        raise ValueError(f"at least one frame, not {frames}")
    return tuple(begins + (2 * part + 1) * length // (2 * frames) for part in range(frames))
