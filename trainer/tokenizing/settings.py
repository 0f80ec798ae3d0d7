"""Settings of `trainer.tokenize`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trainer.settings import Strict
from trainer.speech.settings import FitSettings, WeightSettings


class TokenizeSettings(Strict):
    """The whole of the configuration file."""

    tokenizer: str | None  # see trainer.speech.registry
    keep_audio: bool
    batch_s: Annotated[float, Field(gt=0)]  # seconds of speech encoded together
    device: str  # torch's name
    weights: WeightSettings
    fit: FitSettings
