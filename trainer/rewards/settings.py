"""Settings of the rewards, with the papers' values as defaults."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from trainer.audio_models.settings import (
    Count,
    EmotionSettings,
    SpeakerSettings,
    TranscriberSettings,
)
from trainer.gate import GateMode
from trainer.mclp import MclpSettings
from trainer.rewards.judge_prompt import AudioPart
from trainer.settings import Strict

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class SerSettings(Strict):
    """r_ser (FlexiVoice 3.2.2): emotion2vec+ large on the instructed emotion."""

    model: EmotionSettings = EmotionSettings()
    # FlexiVoice 3.2.2 rewards the probability. `accuracy`: 1 where the emotion is the likeliest.
    score: Literal["probability", "accuracy"] = "probability"
    # The model knows nine labels and the paper instructs five of them; it does not say over which
    # it looks. `five` scales those to sum to 1.
    labels: Literal["all", "five"] = "all"


class SvSettings(Strict):
    """r_sv (FlexiVoice 3.2.2): CAM++ on the reference's voice."""

    model: SpeakerSettings = SpeakerSettings()
    # FlexiVoice A.6 compared the decision with the similarity and took the decision.
    score: Literal["verified", "cosine"] = "verified"
    # The paper names none; this is the model card's. It is low for speech of one recording chain:
    # among 11 kHz lines of one game it takes 82 % of other voices for the same, and errors of both
    # kinds are equal (17 %) at 0.55.
    threshold: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.31


class JudgeSettings(Strict):
    """r_llm (FlexiVoice 3.2.3): a yes or no from a model that hears."""

    base_url: Annotated[str, Field(pattern=r"^https?://\S+$")]  # of a server with /chat/completions
    model: str = "moonshotai/Kimi-Audio-7B-Instruct"  # FlexiVoice 3.2.3
    key_variable: str = "JUDGE_API_KEY"  # of the environment; no key is sent where it is not set
    audio_part: AudioPart = "input_audio"
    max_tokens: Count = 8  # of a reply: one word
    max_in_flight: Count = 32
    timeout_s: Positive = 60.0  # of one call
    attempts: Count = 3
    wait_s: Positive = 1.0  # before the second attempt; doubled for each one after


class CerSettings(Strict):
    """CER of what an ASR hears (MCLP eq. 8)."""

    model: TranscriberSettings = TranscriberSettings()


class MclpRewardSettings(Strict):
    """MCLP of a rollout (MCLP eq. 7)."""

    model: str  # folder of the frozen scorer; MCLP 4.1: the pre-trained model, not the policy
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    # A rollout's tokens as they were sampled, or its codes put together with the transcript anew.
    # The paper does not say.
    candidate: Literal["interleaved", "raw"] = "interleaved"
    scorer: MclpSettings = MclpSettings()


class HybridSettings(Strict):
    """The gated hybrid of `mclp` and `cer` (MCLP eq. 7-9, values of 6.1)."""

    bias: float = 15.0  # C
    penalty: Annotated[float, Field(ge=0.0)] = 10.0  # lambda
    tolerance: Annotated[float, Field(ge=0.0)] = 0.2  # tau
    gate: GateMode = "paper"  # `separate` keeps a rollout at 0 from drowning the style of the rest


class RuleSettings(Strict):
    """A rule about codes, for tests and the demo; no paper has it."""

    rule: Literal["codes", "length"] = "codes"
    first: Annotated[int, Field(ge=0)] = 0  # codes from this one
    last: Annotated[int, Field(ge=0)] = 0  # to this one, both included
    length: Count = 25  # codes


class RewardSettings(Strict):
    """Which rewards there are, each under the name that rows ask for; None: it is not there."""

    ser: SerSettings | None = None
    sv: SvSettings | None = None
    llm: JudgeSettings | None = None
    cer: CerSettings | None = None
    mclp: MclpRewardSettings | None = None
    hybrid: HybridSettings | None = None
    rule: RuleSettings | None = None
    dead_batches: Count = 3  # in a row without one score from a reward end the training

    @pydantic.model_validator(mode="after")
    def _hybrid_has_parts(self) -> RewardSettings:
        if self.hybrid is not None and (self.mclp is None or self.cer is None):
            raise ValueError("hybrid is made of mclp and cer: set both")
        return self

    @property
    def there(self) -> frozenset[str]:
        """What rows may ask for."""
        names = set(RewardSettings.model_fields) - {"dead_batches"}
        return frozenset(name for name in names if getattr(self, name) is not None)

    def given(self, asked: str) -> frozenset[str]:
        """What a row that asks for this reward is given, by the names that advantages are made of.

        >>> sorted(RewardSettings(hybrid=None).given("sv"))
        ['sv']
        """
        if asked != "hybrid" or self.hybrid is None:
            return frozenset({asked})
        return frozenset({"gated"} if self.hybrid.gate == "paper" else {"gate", "style"})
