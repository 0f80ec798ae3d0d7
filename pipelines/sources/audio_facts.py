"""What the headers of a clip tell, and the error for clips whose headers tell nothing."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from pipelines.audio_place import AudioPlace
from pipelines.errors import PipelineError


class AudioUnreadable(PipelineError):
    """The bytes are not audio of a known kind."""


class AudioFacts(NamedTuple):
    """Facts of one clip, read from its headers."""

    format: str  # mp3 | wav | flac | opus | ogg | m4a | webm
    sample_rate_hz: int
    num_channels: int
    duration: float  # seconds of audio that are really there
    is_complete: bool  # False when the clip itself shows that bytes are missing at its end
    is_estimate: bool  # True when the duration was computed from the first frames' bit rate


class ClipFields(TypedDict):
    """The fields of an ``Utterance`` that its clip decides."""

    duration: float
    audio_uri: str
    audio_container: str
    audio_member: str | None
    audio_offset: int
    audio_size: int
    audio_format: str
    sample_rate_hz: int
    num_channels: int


def clip_fields(facts: AudioFacts, place: AudioPlace) -> ClipFields:
    """What an utterance says of its clip; seconds to the microsecond."""
    return {
        "duration": round(facts.duration, 6),
        "audio_uri": place.uri,
        "audio_container": place.container,
        "audio_member": place.member,
        "audio_offset": place.offset,
        "audio_size": place.size,
        "audio_format": facts.format,
        "sample_rate_hz": facts.sample_rate_hz,
        "num_channels": facts.num_channels,
    }
