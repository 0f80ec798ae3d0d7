"""Settings of `trainer.evaluate`: one YAML file for all of its words."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from trainer.audio_models.settings import EmotionSettings, SpeakerSettings, TranscriberSettings
from trainer.data.settings import ContextSettings, Where
from trainer.loop.settings import ModelSettings
from trainer.mclp import MclpSettings
from trainer.metrics.win_rate import WinRateSettings
from trainer.rewards.settings import JudgeSettings
from trainer.rollouts.settings import SamplingSettings
from trainer.settings import Strict
from trainer.speech.settings import WeightSettings
from trainer.stage_settings import VocabSettings

Count = Annotated[int, Field(ge=1)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
SystemName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]  # names a folder


class CorpusSettings(Strict):
    """A labelled corpus that decoupling cases are drawn from (FlexiVoice 5.1)."""

    language: Language
    folder: str  # of trainer.tokenize, with the field `emotion`
    where: Where = Field(default_factory=dict)  # only utterances with these fields
    # Folder of the same shards with recordings: that of emit, or of tokenize where audio was kept.
    # None: what judges compare with is the sound of the codes.
    audio: str | None = None
    texts: str | None = None  # tokenized folder with emotional texts for TO-hard; None: its own
    texts_where: Where = Field(default_factory=dict)


class DecouplingSettings(Strict):
    """TO and TR, easy and hard (FlexiVoice Table 1)."""

    corpora: Annotated[list[CorpusSettings], Field(min_length=1)]
    per_language: Annotated[int, Field(ge=5, multiple_of=5)] = 500  # of each set; 5.1
    templates: str = "emotion_templates/v1"  # A.5
    # What makes a text neutral, so that only the instruction calls for the emotion. The paper does
    # not say. `spoken_neutral`: somebody in the corpus says it in a neutral voice too; `any`: none
    # is looked at.
    neutral_text: Literal["spoken_neutral", "any"] = "spoken_neutral"
    # Whether TO-hard leaves out sentences that somebody says in a neutral voice too: such corpora
    # label the voice and not the words.
    emotional_text: Literal["never_neutral", "label"] = "never_neutral"


class ProsodySettings(Strict):
    """Speaking speed and pitch in three levels (FlexiVoice A.8)."""

    per_language: Count = 100  # sentences, each in every level; A.8
    corpora: Annotated[list[CorpusSettings], Field(min_length=1)]


class RolePlaySettings(Strict):
    """Role play with and without audio history (MCLP 5.3, Table 2)."""

    folder: str  # of trainer.tokenize: the test split
    audio: str | None = None  # the same shards with recordings
    language: Language = "zh"
    turns: Literal["all", "last"] = "last"  # of a scene; the paper trains on the last (4.3)
    where: Where = Field(default_factory=dict)
    count: Count | None = None  # scenes, drawn by the seed; None: all, 900 in the paper
    context: ContextSettings = ContextSettings()  # with audio history; without it there is none


class CasesSettings(Strict):
    """Which test cases there are; None: none of that kind."""

    seed: int = 0
    decoupling: DecouplingSettings | None = None
    prosody: ProsodySettings | None = None
    role_play: RolePlaySettings | None = None
    instruct: dict[Language, str] = Field(
        default_factory=dict
    )  # language -> InstructTTSEval's JSON
    instruct_count: Count | None = None  # of each file, the first ones; None: all


class SystemSettings(Strict):
    """A trained model and how it is asked to speak."""

    model: ModelSettings
    vocab: VocabSettings
    layout: Literal["append", "ta4"]
    joiner: str = " "  # append; as in training
    speech_tokenizer: str  # whose codes it speaks: kmeans:PATH, dualcodec:25hz_v1, s3:v2_25hz
    weights: WeightSettings = WeightSettings()
    sampling: SamplingSettings
    forced_text: bool = False  # ta4: the text is given token by token
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    batch: Count = 32  # cases at a time
    tasks: list[str] | None = None  # None: all that the layout can do


class SpeakerJudgeSettings(Strict):
    """SV (FlexiVoice 5.1): whether CAM++ takes the voice for the reference's."""

    model: SpeakerSettings = SpeakerSettings()
    threshold: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.31  # the model card's


class EmotionJudgeSettings(Strict):
    """ACC-I, ACC-T, ACC-R, E-SIM (FlexiVoice 5.1): emotion2vec+ large."""

    model: EmotionSettings = EmotionSettings()
    labels: Literal["all", "five"] = "all"  # the likeliest of nine, or of the paper's five


class MclpJudgeSettings(Strict):
    """MCLP (4.1): the frozen pre-trained model."""

    model: str
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    vocab: VocabSettings = VocabSettings(names="step_audio_2")
    scorer: MclpSettings = MclpSettings()


class InstructionJudgeSettings(JudgeSettings):
    """InstructTTSEval (FlexiVoice 5.1): a server with a model that hears; the paper has Gemini."""

    # `true_false` is the benchmark's; `yes_no` is r_llm's, for A.7, where the judge that rewards is
    # held against the one that evaluates under the question of the training.
    question: Literal["true_false", "yes_no"] = "true_false"


class ScoreSettings(Strict):
    """Who judges; None: nobody, and the metric is marked as missing."""

    batch: Count = 16  # stretches of speech at a time; what is judged is kept after each
    emotion: EmotionJudgeSettings | None = EmotionJudgeSettings()
    speaker: SpeakerJudgeSettings | None = SpeakerJudgeSettings()
    transcriber: TranscriberSettings | None = TranscriberSettings()
    mclp: MclpJudgeSettings | None = None
    instruction: InstructionJudgeSettings | None = None  # InstructTTSEval's judge, a server
    prosody: bool = True  # speaking rate and pitch, measured from the sound
    ground_truth: bool = True  # the recordings as a system, the papers' first row


class EvaluateSettings(Strict):
    """The whole of the configuration file."""

    cases: CasesSettings
    systems: dict[SystemName, SystemSettings]
    score: ScoreSettings
    win_rate: WinRateSettings = WinRateSettings()
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Count | None = None  # of a CPU

    @pydantic.model_validator(mode="after")
    def _not_the_truth(self) -> EvaluateSettings:
        if GROUND_TRUTH in self.systems:
            raise ValueError(f"systems: {GROUND_TRUTH} is what the recordings are called")
        return self


GROUND_TRUTH = "ground_truth"
