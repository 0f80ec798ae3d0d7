from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.chat.request import RawReply
from pipelines.chat.retry import Meaning, delay_s, meaning, next_step, retry_after_s
from tests.pipelines.chat.support import settings

_NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
_SETTINGS = settings().model_copy(
    update={"backoff_base_s": 1.0, "backoff_cap_s": 60.0, "retry_after_cap_s": 300.0}
)


@pytest.mark.parametrize(
    ("statuses", "what"),
    [
        ([200, 201], Meaning.REPLY),
        ([408, 409, 425, 429, 500, 502, 503, 504, 524, 529], Meaning.RETRY),
        ([400, 413, 415, 422], Meaning.DEAD_LETTER),
        ([301, 302, 307, 308, 401, 402, 403, 404, 405, 407], Meaning.STOP),
    ],
)
def test_every_status_has_a_meaning(statuses: list[int], what: Meaning) -> None:
    for status in statuses:
        reply = RawReply(status, {}, "")
        assert meaning(reply) is what
        if what is Meaning.STOP:
            assert next_step(reply)


def test_an_empty_balance_told_as_429_stops() -> None:
    reply = RawReply(429, {}, '{"error": {"code": "insufficient_quota"}}')
    assert meaning(reply) is Meaning.STOP
    assert "balance" in next_step(reply)


@given(st.integers(0, 5000), st.floats(0, 1))
def test_full_jitter_stays_below_the_cap(retry: int, jitter: float) -> None:
    delay = delay_s(retry, {}, _SETTINGS, jitter, _NOW)
    assert 0 <= delay <= min(60.0, 2.0 ** min(retry, 60))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0.5 ", 0.5),
        ("-3", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after_as_seconds_or_date(value: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": value}, _NOW) == seconds


def test_a_date_is_read_against_the_clock_of_the_server() -> None:
    headers = {
        "retry-after": "Thu, 01 Jan 2026 15:00:05 GMT",
        "date": "Thu, 01 Jan 2026 15:00:00 GMT",
    }
    assert retry_after_s(headers, _NOW) == 5.0


def test_retry_after_is_a_lower_bound_up_to_a_cap() -> None:
    assert delay_s(0, {"retry-after": "20"}, _SETTINGS, 0.0, _NOW) == 20.0
    assert 20.0 < delay_s(0, {"retry-after": "20"}, _SETTINGS, 1.0, _NOW) <= 22.0
    assert delay_s(0, {"retry-after": "86400"}, _SETTINGS, 0.0, _NOW) == 300.0
    assert delay_s(0, {"retry-after": "inf"}, _SETTINGS, 0.0, _NOW) == 300.0
