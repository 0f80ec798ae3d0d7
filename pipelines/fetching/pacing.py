"""When the next request may be made: politeness towards the site, patience after a failure."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipelines.fetching.settings import FetchSettings


class Pace:
    """Spaces requests out; one for all requests of a run.

    The spacing holds within a process. To fetch with several machines, give each its share of
    ``min_interval_s``.
    """

    def __init__(
        self,
        settings: FetchSettings,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Takes the intervals from the settings; clock and sleep in seconds."""
        self._settings, self._clock, self._sleep = settings, clock, sleep
        self._next = -float("inf")

    def wait(self) -> None:
        """Sleeps until a request may start, and counts it as started."""
        left = self._next - self._clock()
        if left > 0:
            self._sleep(left)
        self._next = self._clock() + self._settings.min_interval_s

    def back_off(self, attempt: int, asked_s: float | None) -> None:
        """Puts the next request off after failure number ``attempt`` (from 1) of a video.

        Seconds double with each failure; where the server asks for a longer wait it gets that. Both
        end at ``backoff_max_s``.
        """
        wanted = max(self._settings.backoff_s * 2.0 ** min(attempt - 1, 30), asked_s or 0.0)
        pause = min(wanted, self._settings.backoff_max_s)
        self._next = max(self._next, self._clock() + pause)
