"""One video from its URL into a folder, by yt-dlp as a library: no shell, no command line.

Everything happens in ``partial/`` of the media folder under names made of the checked video id. A
finished video moves to ``videos/<id>.<suffix>``, and its info JSON is written last: where there is
an info JSON, the video is whole. A partial file stays for the next try, which goes on from its end.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pipelines import files
from pipelines.errors import StageFailed, UsageError
from pipelines.fetching.causes import TRANSIENT, Cause, cause_of, chained, status_of
from pipelines.fetching.media import (
    INFO_SUFFIX,
    VIDEO_FOLDER,
    VIDEO_SUFFIXES,
    Media,
    UnusableMedia,
    find_media,
    measure,
)
from pipelines.fetching.settings import FetchSettings
from pipelines.sources.video_url import is_video_id

_PARTIAL_FOLDER = "partial"
# Addresses that expire (with the asker's own IP address in them), what depends on the clock, and
# lists that are long and of no use here.
_LEFT_OUT = frozenset(
    """_format_sort_fields _has_drm _version automatic_captions chapters cookies downloader_options
    epoch formats fragments heatmap http_headers manifest_url requested_formats subtitles
    thumbnails url""".split()
)
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
# What no video would go well with.
_SETTINGS_AT_FAULT = re.compile("ffmpeg is not installed|failed to load cookies")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class FetchFailed(Exception):
    """Why a video was not had at this try; never leaves this package."""

    def __init__(
        self, cause: Cause, detail: str, *, again: bool, retry_after_s: float | None = None
    ) -> None:
        """Takes whether trying again may help, and how long the server asks to wait."""
        super().__init__(detail)
        self.cause, self.detail = cause, detail
        self.again, self.retry_after_s = again, retry_after_s


class Downloader(Protocol):
    """What brings one video into the media folder."""

    def __call__(self, url: str, video_id: str) -> Media:
        """Downloads the video.

        Raises:
            FetchFailed: it could not be had at this try.
            StageFailed: no video can be had: the disk is full, say.
            UsageError: no video can be had with these settings.
        """
        ...


class YtDlp:
    """Downloads with yt-dlp."""

    def __init__(self, settings: FetchSettings, folder: Path) -> None:
        """Reads the cookies.

        Raises:
            UsageError: the cookies cannot be read.
        """
        self._settings, self._folder = settings, folder
        self._partial = (folder / _PARTIAL_FOLDER).resolve()
        self._videos = (folder / VIDEO_FOLDER).resolve()
        self._cookies: str | None = None
        if settings.cookies_file is not None:
            self._cookies = files.read_text(settings.cookies_file)

    def __call__(self, url: str, video_id: str) -> Media:
        """See :class:`Downloader`."""
        self._check(url, video_id)
        try:
            self._partial.mkdir(parents=True, exist_ok=True)
            self._finish(video_id, self._run_yt_dlp(url, video_id))
        except OSError as error:
            raise self._disk_failure(error) from error
        media = find_media(str(self._folder), video_id)
        assert media is not None  # both files were just written
        return media

    def _check(self, url: str, video_id: str) -> None:
        if not is_video_id(video_id):
            raise FetchFailed(Cause.OTHER, f"no name for a file: {video_id[:80]!r}", again=False)
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError as error:
            raise FetchFailed(Cause.OTHER, f"not an URL: {url[:200]!r}", again=False) from error
        if parts.scheme not in ("http", "https") or host not in self._settings.hosts:
            raise FetchFailed(
                Cause.OTHER, f"host {host[:80]!r} is not one of the settings' hosts", again=False
            )

    def _run_yt_dlp(self, url: str, video_id: str) -> Mapping[str, Any]:
        try:
            import yt_dlp  # a second; only who downloads pays
        except ImportError as error:
            raise UsageError(
                'yt-dlp is not installed: pip install ".[media]" -c requirements.lock'
            ) from error

        class SlowDownload(yt_dlp.utils.DownloadCancelled):  # type: ignore[misc]
            msg = "the download speed stays below min_bytes_per_s"

        watch = _SpeedWatch(self._settings, SlowDownload)
        try:
            with yt_dlp.YoutubeDL(self._options(video_id, watch)) as session:
                info = session.extract_info(url)
                return dict(session.sanitize_info(info)) if info else {}
        except Exception as error:  # extractors raise what they like, KeyError included
            raise self._failure(error) from error

    def _options(self, video_id: str, watch: _SpeedWatch) -> dict[str, object]:
        settings = self._settings
        browser = settings.cookies_from_browser
        return {
            "paths": {"home": str(self._partial)},
            # The format is part of the name: going on with the rest of another one would spoil it.
            "outtmpl": {"default": f"{video_id}.%(format_id).40s.%(ext)s"},
            "format": settings.format,
            "proxy": settings.proxy,
            # A stream, so that yt-dlp never writes the person's own file.
            "cookiefile": io.StringIO(self._cookies) if self._cookies is not None else None,
            "cookiesfrombrowser": (browser,) if browser else None,
            "ffmpeg_location": settings.ffmpeg_location,
            "extractor_args": {
                name: {key: list(texts) for key, texts in arguments.items()}
                for name, arguments in settings.extractor_args.items()
            },
            "ratelimit": settings.rate_limit_bytes_per_s,
            "socket_timeout": settings.socket_timeout_s,
            # Trying again is decided in one place, which is not here.
            "retries": 0,
            "extractor_retries": 0,
            "fragment_retries": 0,
            "skip_unavailable_fragments": False,
            "progress_hooks": [watch],
            "match_filter": _no_live_stream,
            "noplaylist": True,
            "extract_flat": "in_playlist",
            "continuedl": True,
            "nopart": False,
            "overwrites": False,
            "updatetime": False,
            "cachedir": False,
            "enable_file_urls": False,
            "logger": _Silence(),
            "quiet": True,
            "noprogress": True,
            "no_warnings": True,
            "color": "no_color",
        }

    def _finish(self, video_id: str, info: Mapping[str, Any]) -> None:
        downloads = info.get("requested_downloads") or [{}]
        found = downloads[0].get("filepath") if info.get("_type", "video") == "video" else None
        if not found or not Path(found).is_file():
            cause, detail = Cause.OTHER, "no video file came of it"
            if info.get("_type", "video") != "video":
                detail = "a list of videos, not a video"
            elif info.get("live_status") in ("is_live", "is_upcoming") or info.get("is_live"):
                cause, detail = Cause.UNAVAILABLE, "a live stream"
            raise FetchFailed(cause, detail, again=False)
        path = Path(found).resolve()
        suffix = path.suffix[1:].lower()
        if path.parent != self._partial or suffix not in VIDEO_SUFFIXES:
            raise FetchFailed(Cause.OTHER, f"not a video file: .{suffix[:20]}", again=False)
        try:
            measure(str(path))
        except UnusableMedia as error:
            path.unlink()  # going on from it would not make it better
            raise FetchFailed(Cause.OTHER, str(error), again=True) from error
        self._videos.mkdir(parents=True, exist_ok=True)
        video = self._videos / f"{video_id}.{suffix}"
        os.replace(path, video)  # noqa: PTH105  (in one step)
        kept = {key: info[key] for key in sorted(info) if not _is_left_out(key, info[key])}
        kept["id"] = video_id
        described = self._videos / f"{video_id}.{INFO_SUFFIX}"
        text = json.dumps(kept, ensure_ascii=False, indent=1) + "\n"
        with files.atomic_write(str(described)) as stream:
            stream.write(text.encode("utf-8", "replace"))

    def _failure(self, error: Exception) -> Exception:
        chain = list(chained(error))
        of_network = any(
            base.__name__ == "TransportError" for e in chain for base in type(e).__mro__
        )
        for link in chain:
            if isinstance(link, OSError) and link.errno in _DISK and not of_network:
                return self._disk_failure(link)
        for link in chain:
            if isinstance(link, SyntaxError) or _SETTINGS_AT_FAULT.search(str(link)):
                return UsageError(f"fetch settings: {_COLOUR.sub('', str(link))}")
        cause = cause_of(error)
        detail = " ".join(_COLOUR.sub("", str(error)).split()).removeprefix("ERROR: ")
        detail = detail.partition("; please report this issue")[0]  # not theirs
        if self._settings.proxy:
            detail = detail.replace(self._settings.proxy, "[proxy]")
        detail = detail.replace(str(self._partial), _PARTIAL_FOLDER)
        return FetchFailed(
            cause,
            detail[:500] or type(error).__name__,
            again=cause in TRANSIENT,
            retry_after_s=_retry_after(error),
        )

    def _disk_failure(self, error: OSError) -> StageFailed:
        return StageFailed(
            f"{self._folder}: {error.strerror or error}; mend it and run again to go on"
        )


class _SpeedWatch:
    """A progress hook that ends a download which stays too slow."""

    def __init__(self, settings: FetchSettings, slow: type[Exception]) -> None:
        self._settings, self._slow = settings, slow
        self._since: float | None = None
        self._bytes = 0.0

    def __call__(self, progress: Mapping[str, Any]) -> None:
        now, got = time.monotonic(), float(progress.get("downloaded_bytes") or 0)
        if progress.get("status") != "downloading" or self._since is None or got < self._bytes:
            self._since = now if progress.get("status") == "downloading" else None
            self._bytes = got
            return
        spent = now - self._since
        if spent >= self._settings.slow_after_s:
            if (got - self._bytes) / spent < self._settings.min_bytes_per_s:
                raise self._slow()
            self._since, self._bytes = now, got


class _Silence:
    """What yt-dlp would print. Its errors are raised as well, and its warnings are many."""

    def debug(self, message: str) -> None:
        pass

    info = warning = error = debug


def _no_live_stream(info: Mapping[str, Any], *, incomplete: bool = False) -> str | None:
    del incomplete
    live = info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming")
    return "a live stream" if live else None


def _is_left_out(key: str, value: object) -> bool:
    private = key.startswith("__") or key in _LEFT_OUT or key.startswith(("requested_", "filename"))
    return private or value is None or key in ("_filename", "filepath", "infojson_filename")


def _retry_after(error: Exception) -> float | None:
    """Seconds that the server asks to wait; None where it does not say (dates are not read)."""
    for link in chained(error):
        headers = getattr(getattr(link, "response", None), "headers", None)
        if headers is not None and status_of(link) is not None:
            asked = str(headers.get("Retry-After") or "").strip()
            if re.fullmatch(r"[0-9]{1,6}", asked):
                return float(asked)
    return None
