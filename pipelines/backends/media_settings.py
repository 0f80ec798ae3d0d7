"""Settings of the models that listen and look: separation, diarization, speech quality, captions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from acoustics.weights import WeightsSettings
from pipelines.stages.settings import Count, Strict

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class DemucsSettings(Strict):
    """The paper's separator (MCLP 5.1)."""

    model: str  # name on the hub, or in `repository`
    repository: str | None  # folder with models saved for demucs; None for its own download
    shifts: Annotated[int, Field(ge=0)]  # random shifts averaged; 0 is deterministic


class EmbeddedSeparatorSettings(Strict):
    """The separator that runs everywhere."""

    model: str
    index: WeightsSettings  # of the TensorFlow checkpoint
    data: WeightsSettings


class SeparateSettings(Strict):
    """Parameters of ``pipelines.separate``."""

    backend: Literal["auto", "demucs", "embedded"]  # auto: demucs where a GPU is, else embedded
    device: Literal["auto", "cpu", "cuda"]
    sample_rate_hz: Count  # of the vocals that are kept
    chunk_s: Positive  # separated at a time; bounds memory
    overlap_s: Positive  # of neighbouring chunks, cross-faded
    demucs: DemucsSettings
    embedded: EmbeddedSeparatorSettings


class PyannoteSettings(Strict):
    """The paper's diarizer (MCLP 5.1)."""

    pipeline: str  # a folder with config.yaml, or a name on the hub


class EmbeddedDiarizerSettings(Strict):
    """Voice activity, speaker embeddings of short windows, average-link clustering."""

    vad_threshold: Annotated[float, Field(gt=0.0, lt=1.0)]
    min_speech_s: Positive
    min_silence_s: Positive
    window_s: Positive
    hop_s: Positive
    cluster_distance: Positive  # cosine; clusters closer than this are one speaker
    min_speaker_s: Positive  # a cluster with less speech joins its nearest
    weights: WeightsSettings  # CAM++


class DiarizeSettings(Strict):
    """Parameters of ``pipelines.diarize`` but for the assignment's own."""

    backend: Literal["auto", "pyannote", "embedded"]  # auto: pyannote where a GPU is
    device: Literal["auto", "cpu", "cuda"]
    chunk_s: Positive  # diarized at a time; bounds memory
    link_distance: Positive  # cosine; speakers of two chunks closer than this are one
    pyannote: PyannoteSettings
    embedded: EmbeddedDiarizerSettings


class QualitySettings(Strict):
    """How the quality of separated speech is measured."""

    backend: Literal["none", "dnsmos"]
    weights: WeightsSettings
    min_duration_s: Positive  # shorter sentences are not measured


class TransformersCaptionSettings(Strict):
    """Qwen-VL in this process, through transformers and qwen-vl-utils."""

    model: str  # folder or name on the hub
    max_new_tokens: Count


class CaptionSettings(Strict):
    """Parameters of ``pipelines.caption``."""

    # auto: a server when a key is set, transformers where a GPU is, else embedded
    backend: Literal["auto", "openai", "transformers", "embedded"]
    device: Literal["auto", "cpu", "cuda"]
    prompts: dict[Literal["openai", "transformers"], str]  # version of prompts/scene_caption
    base_url: str  # of the OpenAI-compatible vision server
    model: str  # on that server
    frames: Count  # sampled evenly from a scene
    frame_height_px: Count  # frames are scaled down to it
    language: str  # ISO 639-1; captions are written in it
    scenes_per_chunk: Count  # in flight together
    transformers: TransformersCaptionSettings
