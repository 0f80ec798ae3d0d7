"""The arithmetic by hand, and docs/scaling.md as the command prints it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.params import load_params
from pipelines.scale import main
from pipelines.scaling import StageRates, needs_of

ROOT = Path(__file__).parents[2]
MARK = "<!-- printed by pipelines.scale -->\n"


def test_the_document_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Where this fails, put the command's output behind the mark in docs/scaling.md."""
    assert main(["--params", str(ROOT / "params.yaml")]) == 0
    document = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert document.split(MARK)[1] == capsys.readouterr().out


def test_the_needs_of_a_stage_by_hand() -> None:
    stage = StageRates.model_validate(
        {
            "stage": "annotate",
            "units": 1000,
            "unit": "video",
            "hours": 500.0,
            "core_s_per_unit": 3.6,
            "core_s_per_hour": 72.0,
            "bytes_per_unit": 2e6,
            "bytes_per_hour": 1e6,
            "calls": {
                "per_unit": 1.5,
                "prompt_tokens": 1000,
                "cached_share": 0.8,
                "completion_tokens": 100,
                "model": "deepseek-flash",
            },
        }
    )
    prices = load_params(str(ROOT / "params.yaml")).chat.prices
    needs = needs_of(stage, prices)
    assert needs.core_hours == pytest.approx(1000 * 3.6 / 3600 + 500 * 72 / 3600)  # 1 + 10
    assert needs.gpu_hours is None and needs.hears
    assert needs.calls == 1500
    # 1.5 M prompt tokens, 1.2 M of them cached, and 0.15 M completion tokens.
    assert needs.usd == pytest.approx(1.2 * 0.006 + 0.3 * 0.30 + 0.15 * 1.20)
    assert needs.gigabytes == pytest.approx(2.5)

    unpriced = stage.model_copy(
        update={"calls": stage.calls and stage.calls.model_copy(update={"model": "none"})}
    )
    with pytest.raises(UsageError, match="chat.prices does not list"):
        needs_of(unpriced, prices)


def test_scale_takes_no_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--source", "emilia"]) == 2
    assert "takes --params and nothing else" in capsys.readouterr().err
