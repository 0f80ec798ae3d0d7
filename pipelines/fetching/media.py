"""Video files in folders: found by video id, described by their info JSON, measured."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import escapes
from pipelines.sources.video_url import is_video_id

VIDEO_FOLDER = "videos"
VIDEO_SUFFIXES = ("mp4", "mkv", "webm", "mov", "m4v", "flv", "ts")
INFO_SUFFIX = "info.json"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+|\s+")


class UnusableMedia(Exception):
    """A file that is no video, or an info JSON that is none; never leaves this package."""


@dataclass(frozen=True, slots=True)
class Media:
    """A video with its description."""

    video_uri: str
    info_uri: str


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What is measured on a video file."""

    duration: float | None  # seconds; None where the file does not tell
    has_sound: bool
    has_picture: bool


def find_media(folder: str, video_id: str) -> Media | None:
    """The video of an id with its info JSON, in ``folder/videos`` or the folder itself.

    None where one of the two is missing, or the id cannot be a file's name.
    """
    if not is_video_id(video_id):
        return None
    for stem in _stems(folder, video_id):
        info = f"{stem}.{INFO_SUFFIX}"
        if files.exists(info):
            for suffix in VIDEO_SUFFIXES:
                if files.exists(f"{stem}.{suffix}"):
                    return Media(f"{stem}.{suffix}", info)
    return None


def _stems(folder: str, video_id: str) -> Iterator[str]:
    yield files.join(folder, VIDEO_FOLDER, video_id)
    yield files.join(folder, video_id)


def find_audio(folder: str, audio_path: str) -> str | None:
    """The corpus's own audio file below a folder; None without one, or if its path leaves it."""
    if not audio_path or "\0" in audio_path or "://" in audio_path or escapes(audio_path):
        return None
    uri = files.join(folder, audio_path)
    return uri if files.exists(uri) else None


def read_info(uri: str) -> dict[str, object]:
    """An info JSON as yt-dlp writes it.

    Raises:
        UnusableMedia: it cannot be read, or is not a JSON object.
    """
    try:
        info = json.loads(files.read_text(uri))
    except (ValueError, RecursionError, UsageError) as error:
        raise UnusableMedia(f"the info JSON is not readable: {_short(error)}") from error
    if not isinstance(info, dict):
        raise UnusableMedia("the info JSON is not an object")
    return info


def title_of(info: dict[str, object]) -> str | None:
    r"""The video's title on one line, without control characters; None where there is none.

    >>> title_of({"title": " 春风小巷\n第1集 "})
    '春风小巷 第1集'
    """
    title = info.get("title")
    if not isinstance(title, str):
        return None
    return _UNPRINTABLE.sub(" ", title).strip() or None


def duration_of(info: dict[str, object]) -> float | None:
    """Seconds as an info JSON states them; None where it does not."""
    duration = info.get("duration")
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        return None
    return float(duration) if 0 < duration < math.inf else None


def measure(uri: str) -> VideoFacts:
    """Looks into a video file; decodes nothing.

    Raises:
        UnusableMedia: not a file with sound or pictures.
    """
    import av  # not needed by commands that only want the settings

    try:
        with (
            files.open_read(uri) as stream,
            av.open(
                stream,
                mode="r",
                metadata_errors="replace",
                options={"protocol_whitelist": "none"},  # a playlist may not open other files
            ) as container,
        ):
            streams = container.streams
            seconds = container.duration / av.time_base if container.duration else None
            return VideoFacts(seconds, bool(streams.audio), bool(streams.video))
    except (av.FFmpegError, OSError, ValueError, UsageError) as error:
        said = _short(error).replace(uri, uri.rpartition("/")[2])
        raise UnusableMedia(f"not a readable video: {said}") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
