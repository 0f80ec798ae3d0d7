"""Settings of the embedded chat model, as ``params.yaml`` gives them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from acoustics.weights import WeightsSettings


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EmbeddedChatSettings(_Section):
    """The chat model that runs in this process, on the CPU."""

    model: str  # name that records and keys carry
    weights: WeightsSettings
    context_tokens: Annotated[int, Field(ge=512)]
    max_tokens: Annotated[int, Field(ge=16)]  # of a reply
    temperature: Annotated[float, Field(ge=0.0, le=2.0)]
    repeat_penalty: Annotated[float, Field(ge=1.0)]
    threads: Annotated[int, Field(ge=1)]
