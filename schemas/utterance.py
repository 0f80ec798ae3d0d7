"""The utterance: one stretch of speech by one speaker, with its words and where it comes from."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from schemas.arrow import column


class Value(enum.StrEnum):
    """Information value: how much the text and metadata say about the style (FlexiVoice 4.2)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Label:
    """One thing a labelled corpus says about an utterance, in this project's words."""

    name: str = column("what is labelled: emotion, age, gender, accent, scene, ...")
    value: str = column("its value: happy, child, female, ...; names and values in lower case")


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One utterance as ingest emits it, whatever the corpus it comes from."""

    id: str = column("unique in the corpus; made of the source's own ids")
    source: str = column("source name in params.yaml: emilia, game_voice, ...")
    source_id: str = column("recording the utterance was cut from, in the source's own naming")
    speaker: str = column("speaker label, unique within the source")
    language: str = column("ISO 639-1 code of the spoken language")
    text: str = column("transcript after clean-up")
    text_raw: str = column("transcript as shipped")
    duration: float = column("seconds, measured on the audio")
    audio_uri: str = column("file that holds the audio bytes, as the input path was given")
    audio_container: str = column("file | tar | tar.gz | parquet")
    audio_member: str | None = column("member name in the archive; None for a plain file")
    audio_offset: int = column(
        "first byte of the audio in the file; in the unpacked stream for tar.gz; "
        "the row number for parquet"
    )
    audio_size: int = column("bytes of encoded audio")
    audio_format: str = column("mp3 | wav | flac | opus | ogg | m4a | webm")
    sample_rate_hz: int = column("sample rate of the encoded audio, Hz")
    num_channels: int = column("channels of the encoded audio")
    title: str | None = column("title of the source video; None without a sidecar row")
    tags: tuple[str, ...] = column("tags of the source video; empty without a sidecar row")
    character: str | None = column("character who speaks; None outside game voice")
    game: str | None = column("game the line is from; None outside game voice")
    dnsmos: float | None = column("DNSMOS overall, 1-5, as shipped; None where not shipped")
    licence: str = column("licence of the source, an SPDX id where there is one")
    labels: tuple[Label, ...] = column(
        "what the corpus labels, sorted by name; a name may come again with another value",
        default=(),
    )
    description: str | None = column(
        "style description in words, as shipped; None where the corpus has none", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedUtterance(Utterance):
    """An utterance with what the chat model wrote about it (FlexiVoice A.3)."""

    instruction: str | None = column("style description; None where no metadata allowed one")
    instruction_language: str | None = column("ISO 639-1 code the model was asked to write in")
    value: str | None = column("information value high | medium | low; None without instruction")
    personality: str | None = column("personality given to the model; game voice only")
    speaking_style: str | None = column("speaking style given to the model; game voice only")
    prompt_name: str | None = column("prompt name and version, as in prompts/; None without one")
    prompt_sha256: str | None = column("hash of the prompt file")
    chat_model: str | None = column("model that the reply names")
    reply_sha256: str | None = column("hash of the raw reply; finds it in the journal")
