"""Changing one setting from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.errors import UsageError
from trainer.settings import Strict, load_settings


class _Inner(Strict):
    url: str
    attempts: int = 3


class _Outer(Strict):
    inner: _Inner | None = None


@pytest.mark.parametrize("text", ["inner: null\n", "{}\n"])
def test_a_section_that_the_file_leaves_empty_can_be_filled(tmp_path: Path, text: str) -> None:
    """As ``trainer.evaluate instruct --help`` shows with score.instruction.base_url."""
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    found = load_settings(str(file), _Outer, ["inner.url=http://a/v1", "inner.attempts=5"])
    assert found == _Outer(inner=_Inner(url="http://a/v1", attempts=5))


def test_a_value_is_not_taken_for_a_section(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("inner: 3\n", encoding="utf-8")
    with pytest.raises(UsageError, match="inner has a value, not settings of its own"):
        load_settings(str(file), _Outer, ["inner.url=x"])
