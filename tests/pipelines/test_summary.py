from __future__ import annotations

from typing import Any

from pipelines.summary import summary
from schemas import StageFacts

_FACTS: dict[str, Any] = {
    "stage": "annotate",
    "source": "emilia",
    "unit": "utterance",
    "rows_in": 1_234_567,
    "rows_out": 1_234_567,
    "rejected": {},
    "hours_in": 1000.0,
    "hours_out": 1000.004,
    "rejected_hours": {},
    "speakers_in": 1,
    "speakers_out": 1,
    "backend": None,
    "prompt_sha256": {},
    "counts": {},
}


def test_without_rejections_no_reason_is_named() -> None:
    assert summary(StageFacts(**_FACTS)) == (
        "annotate emilia: 1,234,567 in, 1,234,567 out, 0 rejected, 1,000.00 h out"
    )


def test_reasons_come_by_count_and_then_by_name() -> None:
    rejected = {"b": 2, "c": 1000, "a": 2}
    line = summary(StageFacts(**{**_FACTS, "rejected": rejected, "rows_out": 1_233_563}))
    assert "1,004 rejected (c 1,000, a 2, b 2)" in line
    assert "\n" not in line
