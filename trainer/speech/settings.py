"""Settings of the speech tokenizers."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from manifests.codec import MAX_CARDINALITY
from trainer.settings import Strict

Count = Annotated[int, Field(ge=1)]
FRAME_RATES = (12.5, 25.0)  # Hz


class KMeansSettings(Strict):
    """What a k-means codec is; kept in its file."""

    clusters: Annotated[int, Field(ge=2, le=MAX_CARDINALITY)]  # codes
    sample_rate: Literal[16000, 24000]  # Hz; the rates of S3 and DualCodec
    frame_rate: float  # codes a second, 12.5 or 25; the rates of DualCodec, and of S3
    stack: Annotated[int, Field(ge=1, le=16)]  # spectral frames a code
    n_mels: Annotated[int, Field(ge=20, le=128)]
    griffin_lim: Count  # iterations, when codes become sound

    @pydantic.model_validator(mode="after")
    def _whole_hop(self) -> KMeansSettings:
        if self.frame_rate not in FRAME_RATES:
            raise ValueError(f"frame_rate is {self.frame_rate:g}, not one of {FRAME_RATES}")
        if not (self.sample_rate / (self.frame_rate * self.stack)).is_integer():
            raise ValueError(
                f"{self.stack} spectral frames a code at {self.frame_rate:g} Hz are no whole "
                f"number of samples each at {self.sample_rate} Hz"
            )
        return self


class FitSettings(KMeansSettings):
    """How a k-means codec is fitted."""

    max_frames: Count  # blocks it is fitted on; of a larger corpus, a sample drawn by cut id
    iterations: Count
    seed: int

    @property
    def codec(self) -> KMeansSettings:
        """What of it makes the codec."""
        return KMeansSettings.model_validate(
            {name: getattr(self, name) for name in KMeansSettings.model_fields}
        )


class WeightSettings(Strict):
    """Where the weights of tokenizers lie that do not come from a fit; None: the hub."""

    dualcodec: str | None = None  # folder of amphion/dualcodec
    w2v_bert: str | None = None  # folder of facebook/w2v-bert-2.0
    s3: str | None = None  # speech_tokenizer_v2.onnx of CosyVoice 2
