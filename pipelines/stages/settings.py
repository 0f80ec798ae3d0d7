"""The parameters of each stage, as ``params.yaml`` has them; defaults live in that file alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas import Value

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]
PiecesAsked = Literal["every", "fullest"]


class Strict(BaseModel):
    """No unknown keys, no coercion from text, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IngestSettings(Strict):
    """Parameters of ``pipelines.ingest``."""

    rows_per_file: Count
    episodes_per_file: Count


class PromptVersions(Strict):
    """Which version of each prompt is used: the file's name in ``prompts/<name>/``."""

    emilia_style: str
    game_characters: str
    game_profile: str
    game_style: str


class AnnotateSettings(Strict):
    """Parameters of ``pipelines.annotate``."""

    prompts: dict[Literal["openai", "embedded"], PromptVersions]  # by chat backend
    answer_languages: dict[Literal["openai", "embedded"], list[str]]  # codes; the first is default
    rows_per_chunk: Count  # rows whose calls are in flight together
    characters_per_call: Count  # names of the character list asked about at once


class SelectSettings(Strict):
    """Parameters of ``pipelines.select``."""

    keep_values: list[Value]
    keep_without_instruction: bool  # rows that were never annotated get the default instruction
    max_words: Count  # of a description, in languages that separate words
    max_characters: Count  # of a description, in Chinese and Japanese
    min_script_share: Share  # of letters that must belong to the language's script
    opening_words: Count  # words (or twice as many CJK characters) that make an opening
    max_opening_share: Share  # of all descriptions that may share an opening
    max_same: Count  # descriptions of one wording
    min_repeats: Count  # repeats below this are never template-like


class EmitSettings(Strict):
    """Parameters of ``pipelines.emit``."""

    shard_size: Count  # cuts a shard
    default_instruction: str


class EpisodePromptVersions(Strict):
    """Which version of each prompt about episodes is used."""

    episode_title: str
    episode_characters: str


class EpisodeQuestionSettings(Strict):
    """How one chat backend is asked about episodes."""

    prompts: EpisodePromptVersions
    script_characters: Annotated[int, Field(ge=200)]  # of a script's JSON in one call
    speakers_per_call: Count  # a small model describes one
    # Where a script is in pieces, speakers are asked about in every one in which they speak, each
    # building on the ones before, or once, in the one with most of their words (ADR 0011).
    pieces_asked: PiecesAsked
    language: str  # ISO 639-1; profiles are written in it
    max_tokens: Count  # of a reply about a whole episode


class AnnotateEpisodesSettings(Strict):
    """Parameters of ``pipelines.annotate`` for recordings of drama, by chat backend."""

    openai: EpisodeQuestionSettings
    embedded: EpisodeQuestionSettings


class SceneFilterSettings(Strict):
    """Which sentences and scenes are kept. The paper does not give its filter (Table 1)."""

    min_confidence: Share  # of a sentence's transcript
    min_overlap_ratio: Share  # of a sentence, spoken by its speaker
    min_margin: Share  # over the runner-up
    keep_gaps: bool  # sentences whose speaker was taken from the nearest turn
    min_dnsmos: Annotated[float, Field(ge=1.0, le=5.0)] | None  # None keeps all
    min_turns: Count  # of a scene, after sentences went
    max_turns: Count | None
    min_speakers: Count
    need_caption: bool
    need_profiles: bool  # of every speaker of the scene


class StyleSettings(Strict):
    """The style classifier of the RL subset (MCLP 5.3 used an internal one)."""

    # auto: emotion2vec where funasr is installed, else none: then no scene is judged, and the
    # subset is not filtered by style. No embedded model is good enough.
    backend: Literal["auto", "emotion2vec", "none"]
    device: Literal["auto", "cpu", "cuda"]
    model: str  # name on the hub, or a folder that has config.yaml, model.pt and tokens.txt
    hub: Literal["ms", "hf"]  # ModelScope or the Hugging Face hub


class EmitScenesSettings(Strict):
    """Parameters of ``pipelines.emit`` for scenes."""

    shard_size: Count  # scenes a shard
    language: str  # ISO 639-1 code of what is spoken
