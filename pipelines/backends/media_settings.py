"""Settings of the models that listen and look: separation, speakers, speech quality, captions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from acoustics.weights import WeightsSettings
from pipelines.stages.settings import Count, Strict

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class DemucsSettings(Strict):
    """The paper's separator (MCLP 5.1)."""

    model: str  # name on the hub, or in `repository`
    repository: str | None  # folder with models saved for demucs; None for its own download
    shifts: Annotated[int, Field(ge=0)]  # time shifts averaged: the same in every run, and slow


class EmbeddedSeparatorSettings(Strict):
    """The separator that runs everywhere."""

    model: str
    index: WeightsSettings  # of the TensorFlow checkpoint
    data: WeightsSettings


class SeparateSettings(Strict):
    """Parameters of ``pipelines.separate``."""

    backend: Literal["auto", "demucs", "embedded"]  # auto: demucs where a GPU is, else embedded
    device: Literal["auto", "cpu", "cuda"]
    sound: Literal["video", "audio"]  # whose sound; the other one's where this one has none
    sample_rate_hz: Count  # of the vocals that are kept
    chunk_s: Positive  # separated at a time, roughly; bounds memory
    overlap_s: Positive  # of neighbouring chunks, cross-faded
    max_missing_s: Annotated[float, Field(ge=0.0)]  # of a sentence, after the end of the sound
    demucs: DemucsSettings
    embedded: EmbeddedSeparatorSettings

    @model_validator(mode="after")
    def _most_of_a_chunk_is_new(self) -> SeparateSettings:
        if 2 * self.overlap_s > self.chunk_s:
            raise ValueError("overlap_s is at most half of chunk_s")
        return self


class PyannoteSettings(Strict):
    """The paper's diarizer (MCLP 5.1)."""

    pipeline: str  # a folder with config.yaml and its models, or a name on the hub
    revision: str | None  # commit on the hub; None takes what is newest, or a folder's content
    link_distance: Positive  # cosine; speakers of two chunks this near are one


class EmbeddedDiarizerSettings(Strict):
    """Voice activity, speaker embeddings of short windows, average-link clustering."""

    vad: WeightsSettings  # Silero, the sequence model
    vad_threshold: Annotated[float, Field(gt=0.0, lt=1.0)]  # speech begins at this probability
    min_speech_s: Positive  # shorter speech is passed over
    min_silence_s: Positive  # a shorter silence does not end a stretch of speech
    window_s: Positive  # of speech that one embedding hears
    hop_s: Positive  # from window to window, at most
    cluster_distance: Positive  # cosine; groups of windows closer than this are one speaker
    min_speaker_s: Annotated[float, Field(ge=0.0)]  # who speaks less joins the nearest
    boundary_hop_s: Positive  # the same as hop_s, where one stretch of speech has several speakers
    switch_cost: Annotated[float, Field(ge=0.0)]  # cosine that a change of speakers must gain
    embedding: WeightsSettings  # CAM++
    link_distance: Positive  # cosine; speakers of two chunks this near are one


class DiarizeSettings(Strict):
    """Parameters of ``pipelines.diarize`` but for the assignment's own."""

    backend: Literal["auto", "pyannote", "embedded"]  # auto: pyannote where a GPU is
    device: Literal["auto", "cpu", "cuda"]
    chunk_s: Positive  # diarized at a time, at most; bounds memory
    pyannote: PyannoteSettings
    embedded: EmbeddedDiarizerSettings


class QualitySettings(Strict):
    """How the quality of separated speech is measured."""

    backend: Literal["none", "dnsmos"]
    weights: WeightsSettings
    min_duration_s: Positive  # shorter sentences are not measured


class OpenAICaptionSettings(Strict):
    """A vision model behind an OpenAI-compatible server."""

    base_url: str
    model: str  # name on that server
    max_tokens: Count  # of a reply
    extra_body: dict[str, JsonValue]  # sent as it is; part of every key
    picture_quality: Annotated[int, Field(ge=1, le=95)]  # of the JPEGs that are sent


class TransformersCaptionSettings(Strict):
    """Qwen-VL in this process, through transformers and qwen-vl-utils."""

    model: str  # folder or name on the hub
    revision: str | None  # commit on the hub; None takes what is newest, or a folder's content
    max_new_tokens: Count


class CaptionSettings(Strict):
    """Parameters of ``pipelines.caption``."""

    # auto: transformers where a GPU is, else embedded. Never the server: a key in the environment
    # may be that of a chat model without eyes.
    backend: Literal["auto", "openai", "transformers", "embedded"]
    device: Literal["auto", "cpu", "cuda"]
    prompts: dict[Literal["openai", "transformers"], str]  # version of prompts/scene_caption
    frames: Count  # sampled evenly from a scene
    frame_height_px: Count  # frames are scaled down to it
    language: str  # ISO 639-1; captions are written in it
    max_characters: Count  # of a caption
    scenes_per_chunk: Count  # read at a time; their calls are in flight together
    openai: OpenAICaptionSettings
    transformers: TransformersCaptionSettings
