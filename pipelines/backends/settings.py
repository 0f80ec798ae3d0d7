"""Where the weights of the embedded models come from, as ``params.yaml`` says."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WeightsSettings(_Section):
    """One weight file; looked for as a path, then in a package, then on the hub by name."""

    path: str | None  # a file of one's own; None for the other two
    package: str  # installed package that carries the file
    file: str  # its name in the package and on the hub
    hub: str  # repository on the Hugging Face hub
    sha256: str  # of the file in the package and on the hub; a path of one's own is not checked


class EmbeddedChatSettings(_Section):
    """The chat model that runs in this process, on the CPU."""

    model: str  # name that records and keys carry
    weights: WeightsSettings
    context_tokens: Annotated[int, Field(ge=512)]
    max_tokens: Annotated[int, Field(ge=16)]  # of a reply
    temperature: Annotated[float, Field(ge=0.0, le=2.0)]
    repeat_penalty: Annotated[float, Field(ge=1.0)]
    threads: Annotated[int, Field(ge=1)]
