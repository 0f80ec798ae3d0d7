"""Settings of fetching videos, as ``params.yaml`` gives them; a misspelled key is an error."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from pipelines.fetching.causes import Cause


class FetchSettings(BaseModel):
    """Where videos are looked for, and how politely they are asked for."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    # Folders that hold media already: videos/<id>.mp4 with videos/<id>.info.json, and the corpus's
    # own audio/... What is found there is used as it is, and not downloaded.
    local_folders: tuple[str, ...] = ()
    # False: only what is in the folders is used, and no request is ever made.
    download: bool = True
    # Hosts that may be asked; an URL of the corpus must not reach into one's own network.
    hosts: tuple[str, ...] = ("www.youtube.com", "youtube.com", "m.youtube.com", "youtu.be")

    # yt-dlp's own words for the wanted format. One file with sound and picture: joining two needs
    # ffmpeg. The captioner looks at frames of a few hundred pixels; speech needs no more either.
    format: str = "best[height<=480][ext=mp4]/best[height<=480]/best"
    ffmpeg_location: str | None = None
    cookies_file: str | None = None  # Netscape format; read, never written
    cookies_from_browser: str | None = None  # firefox, chrome, ...
    proxy: str | None = None
    extractor_args: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)

    # Politeness: one video at a time, so many seconds between the starts of two requests for one.
    min_interval_s: NonNegativeFloat = 3.0
    rate_limit_bytes_per_s: PositiveInt | None = None  # of a download
    socket_timeout_s: PositiveFloat = 20.0
    # A download is given up, and tried again from where it is, when it stays below this rate.
    min_bytes_per_s: NonNegativeFloat = 10_000.0
    slow_after_s: PositiveFloat = 60.0
    # Tries for one video, where trying again may help (throttled, network).
    attempts: PositiveInt = 4
    # Wait before the second try; doubled each time, more where the server asks for it.
    backoff_s: NonNegativeFloat = 10.0
    backoff_max_s: NonNegativeFloat = 600.0
    # Videos in a row lost to throttling or the network after which to stop: it is not their fault.
    stop_after_failures: PositiveInt = 10
    # Entries of the ledger with these causes are asked for again by the next run.
    retried_causes: tuple[Annotated[Cause, Field(strict=False)], ...] = (
        Cause.THROTTLED,
        Cause.NETWORK,
        Cause.OTHER,
    )

    # How far the video's length may be from what the corpus says: else it is another edit, and the
    # timestamps do not fit. YouTube re-encodes with up to a second at the end.
    duration_tolerance_s: NonNegativeFloat = 2.0
    duration_tolerance_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _check(self) -> FetchSettings:
        limit = self.rate_limit_bytes_per_s
        if limit is not None and limit <= self.min_bytes_per_s:
            raise ValueError("rate_limit_bytes_per_s must be above min_bytes_per_s")
        return self
