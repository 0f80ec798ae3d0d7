"""Settings of the whole suite."""

from __future__ import annotations

import math
import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

# No test may find a real key and spend money with it.
for name in ("CHAT_API_KEY", "DEEPSEEK_API_KEY", "OPENAI_API_KEY"):
    os.environ.pop(name, None)

# Derandomised: a failure here is a failure everywhere. No deadline: timings never decide a test.
settings.register_profile(
    "suite",
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")
# Hypothesis also draws constants of the project's modules, of those that are imported by then: the
# examples would depend on which tests ran before in the same process.
_NO_CONSTANTS = Constants()
providers._get_local_constants = lambda: _NO_CONSTANTS


@pytest.fixture(autouse=True)
def quick_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line of progress, which only slow machines see: tests read the error stream."""
    monkeypatch.setattr("pipelines.progress.LOG_EVERY_S", math.inf)
    monkeypatch.setattr("trainer.progress.LOG_EVERY_S", math.inf)
