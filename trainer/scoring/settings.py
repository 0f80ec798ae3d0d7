"""Settings of `trainer.score`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trainer.data.settings import Where
from trainer.mclp import MclpSettings
from trainer.settings import Strict

Count = Annotated[int, Field(ge=1)]


class TokenNames(Strict):
    """What the speech tokens are called in the scorer's tokenizer; MCLP is of TA4 (4.1)."""

    names: Literal["step_audio_2"] = "step_audio_2"
    n_codes: Count = 6561


class ScoreSettings(Strict):
    """The whole of the configuration file."""

    model: str  # the frozen scorer: a folder, or a name on the hub
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    vocab: TokenNames
    scorer: MclpSettings = MclpSettings()
    device: Literal["auto", "cpu", "cuda"] = "auto"
    turns: Literal["all", "last"] = "all"  # of the scenes in shards
    where: Where = Field(default_factory=dict)  # only turns in shards with these fields
    batch_pairs: Count = 64  # scored together
    pairs_per_part: Count = 1024  # of a JSONL file; shards are a part each
