"""Settings of WenetSpeech, as ``params.yaml`` gives them; a misspelled key is an error."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat


class WenetSpeechSettings(BaseModel):
    """WenetSpeech.json, and which of its recordings are wanted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    kind: Literal["wenetspeech"]
    # Paths, folders or globs; the command line's --input takes precedence.
    input: tuple[str, ...] = ()
    # The transcripts and timestamps; the videos keep their owners' terms.
    licence: str = "CC-BY-4.0"
    # MCLP 5.1: YouTube recordings with the tag drama. None keeps every one.
    wanted_source: str | None = "youtube"
    wanted_tag: str | None = "drama"
    # Stated durations are rounded to 10 ms, and timestamps come from video frames of 40 ms.
    end_tolerance_s: NonNegativeFloat = 0.1
    # A day of speech takes 15 MB; what is longer is a file with a quote missing.
    recording_limit_bytes: Annotated[int, Field(ge=1 << 10)] = 64 << 20
