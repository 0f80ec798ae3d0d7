"""Without funasr the message says which setting wants it, and how to get it."""

from __future__ import annotations

import importlib.util

import pytest

from acoustics.funasr_models import FunasrError, load_funasr


@pytest.mark.skipif(importlib.util.find_spec("funasr") is not None, reason="funasr is installed")
def test_a_missing_package_is_named_with_the_setting() -> None:
    with pytest.raises(FunasrError, match=r"emotion\.model 'x' .*`pip install funasr`"):
        load_funasr("x", "ms", "cpu", "emotion.model")
