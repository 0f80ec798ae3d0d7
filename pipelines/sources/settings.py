"""Settings of the source readers, as ``params.yaml`` gives them; a misspelled key is an error."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, model_validator

from pipelines.sources.labelled.attribute_settings import (
    ChildMandarinSettings,
    DebattsSettings,
    KeSpeechSettings,
    L2ArcticSettings,
    NVSpeechSettings,
    ParaSpeechCapsSettings,
)
from pipelines.sources.labelled.emotion_settings import (
    CremaDSettings,
    EsdSettings,
    IemocapSettings,
    M3edSettings,
    MeldSettings,
    MspPodcastSettings,
    RavdessSettings,
)
from pipelines.sources.labelled.open_settings import (
    CsemotionsSettings,
    EmnsSettings,
    MeadSettings,
    NcssdSettings,
)


class _Common(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    # Paths, folders or globs; the command line's --input takes precedence.
    input: tuple[str, ...] = ()


class EmiliaSettings(_Common):
    """Emilia and Emilia-YODAS."""

    kind: Literal["emilia"]
    # What the corpus was released under; Emilia-YODAS is CC-BY-4.0 and sets its own.
    licence: str = "CC-BY-NC-4.0"
    # JSONL sidecars with source_id, title, tags; Emilia ships none.
    metadata: tuple[str, ...] = ()
    # An mp3 is longer than what was encoded by the encoder's delay (1105 samples) and up to two
    # frames of filling: 0.09 s at 24 kHz, 0.14 s at 16 kHz. The rest is for rounded durations.
    duration_tolerance_s: NonNegativeFloat = 0.2
    # On long utterances the stated duration may come from before resampling or trimming.
    duration_tolerance_share: NonNegativeFloat = 0.02
    # Members of a tar that may wait for their partner at once: about 1 kB each, and neighbours in
    # every archive seen. An archive sorted by file type needs as many as it has utterances.
    pending_limit: PositiveInt = 100_000


# What a dump calls its fields, ours -> theirs, in order of preference: the parquet export, the
# first releases of result.json, and the later ones.
GAME_VOICE_FIELDS: dict[str, tuple[str, ...]] = {
    "text": ("text", "transcription"),
    "speaker": ("talkRole", "speaker", "talkName", "npcName"),
    "language": ("language",),
    "file_name": ("fileName", "inGameFilename", "ingame_filename"),
}

# How dumps spell languages -> ISO 639-1. Keys are compared in lower case, without blanks.
GAME_VOICE_LANGUAGES: dict[str, str] = {
    "english(us)": "en",
    "english": "en",
    "en": "en",
    "chinese(prc)": "zh",
    "chinese": "zh",
    "chs": "zh",
    "zh": "zh",
    "japanese": "ja",
    "jp": "ja",
    "ja": "ja",
    "korean": "ko",
    "kr": "ko",
    "ko": "ko",
}


class GameVoiceSettings(_Common):
    """Voice acting of a game: parquet export or raw dump."""

    kind: Literal["game_voice"]
    # The game the lines are from; part of what the annotating model is told.
    game: str = "unknown game"
    licence: str = "unknown"
    fields: dict[str, tuple[str, ...]] = Field(default_factory=lambda: dict(GAME_VOICE_FIELDS))
    languages: dict[str, str] = Field(default_factory=lambda: dict(GAME_VOICE_LANGUAGES))
    # Speaker names that stand for "not told"; names without a letter ("???") never count as one.
    unknown_speakers: tuple[str, ...] = ("#N/A", "N/A", "null", "None")
    # {M#…}{F#…} is one text for two player characters; the dumps do not say which one a clip was
    # recorded for. The male form comes first in almost every text, so it is the default.
    player_gender: Literal["male", "female"] = "male"
    # What actors say where the text has {NICKNAME}: the form of address of the game the format
    # comes from. A language that is not in the table has such rows rejected.
    player_name: dict[str, str] = Field(
        default_factory=lambda: {
            "en": "Traveler",
            "zh": "旅行者",
            "ja": "旅人",
            "ko": "여행자",
        }
    )

    @model_validator(mode="after")
    def _check(self) -> GameVoiceSettings:
        missing = GAME_VOICE_FIELDS.keys() - self.fields.keys()
        unknown = self.fields.keys() - GAME_VOICE_FIELDS.keys()
        if missing or unknown:
            raise ValueError(f"fields must name exactly {sorted(GAME_VOICE_FIELDS)}")
        if any(set(name) & set("{}<>#\\") for name in self.player_name.values()):
            raise ValueError("player_name must be plain words")
        return self


SourceSettings = Annotated[
    EmiliaSettings
    | GameVoiceSettings
    | EsdSettings
    | M3edSettings
    | MspPodcastSettings
    | MeldSettings
    | IemocapSettings
    | RavdessSettings
    | CremaDSettings
    | KeSpeechSettings
    | L2ArcticSettings
    | ParaSpeechCapsSettings
    | ChildMandarinSettings
    | DebattsSettings
    | NVSpeechSettings
    | EmnsSettings
    | CsemotionsSettings
    | MeadSettings
    | NcssdSettings,
    Field(discriminator="kind"),
]
