"""Settings of the training commands: one YAML file a stage of a paper, in ``trainer/configs``."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from trainer.advantages import Form
from trainer.data.settings import DataSettings
from trainer.kl import KlName
from trainer.loop.settings import LoopSettings, ModelSettings, OptimSettings
from trainer.rewards.settings import RewardSettings
from trainer.settings import Strict
from trainer.vocab import SpeechNames, flexivoice, step_audio_2

Count = Annotated[int, Field(ge=1)]
Names = Annotated[list[str], Field(min_length=1)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class VocabSettings(Strict):
    """What the speech tokens are called in the model's tokenizer."""

    names: Literal["step_audio_2", "flexivoice"]
    n_codes: Count | None = None  # None: as many as the paper's tokenizer has

    def speech_names(self) -> SpeechNames:
        """The names."""
        make = step_audio_2 if self.names == "step_audio_2" else flexivoice
        return make() if self.n_codes is None else make(self.n_codes)


class StageSettings(Strict):
    """What all commands need."""

    model: ModelSettings
    vocab: VocabSettings
    data: DataSettings
    optim: OptimSettings
    loop: LoopSettings = LoopSettings()
    microbatch_tokens: Count = 8192  # computed at a time on one device, with padding


class SftSettings(StageSettings):
    """``python -m trainer.sft``."""


class DpoSettings(StageSettings):
    """``python -m trainer.dpo``."""

    beta: NotNegative = 0.1  # FlexiVoice A.10


class RolloutSettings(Strict):
    """How the policy speaks while it is trained."""

    group_size: Count = 8  # G; FlexiVoice A.10 (S2), MCLP 6.1
    temperature: Annotated[float, Field(gt=0.0)] = 1.0  # MCLP 6.1
    max_tokens: Count = 1024  # of a completion
    max_rollouts: Count = 64  # at a time
    forced_text: bool = False  # TA4: rollouts must say the text; False leaves it to the policy


class GrpoSettings(StageSettings):
    """``python -m trainer.grpo``."""

    rollouts: RolloutSettings = RolloutSettings()
    beta: NotNegative  # of KL; FlexiVoice A.10: 0.1, MCLP 6.1: 0.001
    clip: Annotated[float, Field(gt=0.0)] = 0.2
    kl: KlName = "k3"
    form: Form = "paper"  # of the advantages
    weights: dict[str, float] = Field(default_factory=dict)  # of rewards in the sum; 1 by default
    rewards: RewardSettings
    asks: dict[str, Names]  # name of a source -> the rewards its rows are judged by
    speech_tokenizer: str | None = None  # whose codes they are, for rewards that hear

    @pydantic.model_validator(mode="after")
    def _can_be_asked(self) -> GrpoSettings:
        sources = {source.name or source.folder for source in self.data.sources}
        if self.asks.keys() != sources:
            raise ValueError(
                f"asks names {sorted(self.asks)}, the sources are {sorted(sources)}: each source "
                "needs its rewards"
            )
        asked = {name for names in self.asks.values() for name in names}
        if missing := asked - self.rewards.there:
            raise ValueError(
                f"asks for {', '.join(sorted(missing))}, and rewards has no settings for it; it "
                f"has {', '.join(sorted(self.rewards.there)) or 'none'}"
            )
        given = {name for one in asked for name in self.rewards.given(one)}
        if strange := self.weights.keys() - given:
            raise ValueError(f"weights names {sorted(strange)}; there are {sorted(given)}")
        if "cer" in given and self.weights.get("cer", 1.0) >= 0:
            raise ValueError("cer is an error rate and would be maximised: weigh it below 0")
        return self
