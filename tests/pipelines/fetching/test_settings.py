"""Settings are strict, and waits are what they say."""

from __future__ import annotations

import json

import pydantic
import pytest

from pipelines.fetching.causes import Cause
from pipelines.fetching.pacing import Pace
from pipelines.fetching.settings import FetchSettings


def test_settings_come_from_json() -> None:
    chosen = FetchSettings.model_validate_json(
        json.dumps({"retried_causes": ["network"], "extractor_args": {"youtube": {"lang": ["zh"]}}})
    )
    assert chosen.retried_causes == (Cause.NETWORK,)
    assert FetchSettings().download


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempt": 3},
        {"attempts": "3"},
        {"attempts": 0},
        {"min_interval_s": -1},
        {"retried_causes": ["gone"]},
        {"rate_limit_bytes_per_s": 5_000},
    ],
)
def test_wrong_settings_are_errors(wrong: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        FetchSettings.model_validate_json(json.dumps(wrong))


def test_waits() -> None:
    now, waits = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    chosen = FetchSettings(min_interval_s=3.0, backoff_s=10.0, backoff_max_s=35.0)
    pace = Pace(chosen, clock=lambda: now[0], sleep=sleep)
    pace.wait()
    now[0] += 1
    pace.wait()
    for attempt, asked in ((1, None), (2, None), (3, None), (1, 30.0), (1, 9999.0), (5000, None)):
        pace.back_off(attempt, asked)
        pace.wait()
    assert waits == [2, 10, 20, 35, 30, 35, 35]
