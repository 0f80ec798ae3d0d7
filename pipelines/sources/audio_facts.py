"""What the headers of a clip tell, and the error for clips whose headers tell nothing."""

from __future__ import annotations

from typing import NamedTuple

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


class AudioPlace(NamedTuple):
    """Where a clip's bytes are."""

    uri: str
    container: str  # file | tar | tar.gz | parquet
    member: str | None
    offset: int  # bytes; the row number for parquet
    size: int  # bytes
