"""The causes, against yt-dlp's own classes and the sites' own words."""

from __future__ import annotations

import errno
import io

import pytest
import yt_dlp
from yt_dlp.networking import Response
from yt_dlp.networking import exceptions as net
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    ThrottledDownload,
    UnavailableVideoError,
    UnsupportedError,
    UserNotLive,
)

from pipelines.fetching.causes import Cause, cause_of, chained

MESSAGES = [
    (
        Cause.PRIVATE,
        "Private video. Sign in if you've been granted access to this video. See  "
        "https://github.com/yt-dlp/yt-dlp/wiki/FAQ  for how to manually pass cookies",
    ),
    (Cause.PRIVATE, "Video unavailable. This video is private"),
    (Cause.PRIVATE, "Join this channel to get access to members-only content like this video"),
    (Cause.PRIVATE, "This video requires payment to watch"),
    (Cause.PRIVATE, "This video is only available for registered users"),
    (Cause.PRIVATE, "This video is only available to Music Premium members"),
    (Cause.REMOVED, "Video unavailable. This video has been removed by the uploader"),
    (Cause.REMOVED, "This video has been removed for violating YouTube's Terms of Service"),
    (
        Cause.REMOVED,
        "Video unavailable. This video is no longer available because the YouTube account "
        "associated with this video has been terminated.",
    ),
    (Cause.REMOVED, "This video is no longer available due to a copyright claim by CCTV"),
    (Cause.REMOVED, "no longer available because the uploader has closed their YouTube account."),
    (Cause.GEO_BLOCKED, "The uploader has not made this video available in your country"),
    (
        Cause.GEO_BLOCKED,
        "Video unavailable. This video contains content from SME, who has blocked it in your "
        "country on copyright grounds",
    ),
    (Cause.GEO_BLOCKED, "This video is not available from your location due to geo restriction"),
    (Cause.AGE_RESTRICTED, "Sign in to confirm your age. May be inappropriate for some users."),
    (Cause.AGE_RESTRICTED, "This video is age-restricted and only available on YouTube"),
    (Cause.THROTTLED, "Sign in to confirm you’re not a bot. Use --cookies-from-browser"),
    (
        Cause.THROTTLED,
        "Video unavailable. This content isn't available, try again later. The current session "
        "has been rate-limited by YouTube for up to an hour.",
    ),
    (Cause.THROTTLED, "Please wait. YouTube is requiring a captcha challenge before playback"),
    (Cause.THROTTLED, "All player responses are invalid. Your IP is likely being blocked"),
    (Cause.THROTTLED, "unable to download video data: HTTP Error 403: Forbidden"),
    (Cause.NETWORK, "<urlopen error [Errno -2] Name or service not known>"),
    (Cause.NETWORK, "Unable to download API page: The read operation timed out"),
    (Cause.NETWORK, "Incomplete data received"),
    (Cause.UNAVAILABLE, "Video unavailable"),
    (Cause.UNAVAILABLE, "This video is not available"),
    (Cause.UNAVAILABLE, "This video is DRM protected"),
    (Cause.OTHER, "Requested format is not available. Use --list-formats for a list"),
    (Cause.UNAVAILABLE, "Premieres in 3 hours"),
    (Cause.UNAVAILABLE, "This live event will begin in a few moments."),
    (Cause.OTHER, "An extractor error has occurred. (caused by KeyError('x'))"),
    (Cause.OTHER, "see https://example.org/private/removed/unavailable"),
    (Cause.OTHER, ""),
]


@pytest.mark.parametrize(("cause", "message"), MESSAGES)
def test_messages(cause: Cause, message: str) -> None:
    inner = ExtractorError(message, expected=True, video_id="x", ie="youtube")
    assert cause_of(DownloadError(f"ERROR: {inner}", (type(inner), inner, None))) is cause


def http_error(status: int) -> Exception:
    response = Response(io.BytesIO(b""), "http://x/", {}, status)
    error: Exception = net.HTTPError(response)
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (http_error(401), Cause.PRIVATE),
        (http_error(403), Cause.UNAVAILABLE),
        (http_error(404), Cause.REMOVED),
        (http_error(410), Cause.REMOVED),
        (http_error(418), Cause.UNAVAILABLE),
        (http_error(429), Cause.THROTTLED),
        (http_error(451), Cause.GEO_BLOCKED),
        (http_error(502), Cause.NETWORK),
        (net.TransportError("no route"), Cause.NETWORK),
        (net.IncompleteRead(5, 9), Cause.NETWORK),
        (net.ProxyError("x"), Cause.NETWORK),
        (net.SSLError("x"), Cause.NETWORK),
        (ContentTooShortError(5, 9), Cause.NETWORK),
        (GeoRestrictedError("x", ["CN"]), Cause.GEO_BLOCKED),
        (ThrottledDownload(), Cause.THROTTLED),
        (UserNotLive(), Cause.UNAVAILABLE),
        (UnsupportedError("http://x/"), Cause.UNAVAILABLE),
        (TimeoutError(), Cause.NETWORK),
        (ConnectionResetError(), Cause.NETWORK),
        (KeyError("videoDetails"), Cause.OTHER),
    ],
)
def test_classes(error: Exception, cause: Cause) -> None:
    assert cause_of(error) is cause
    wrapped = ExtractorError("failed", cause=error)
    assert cause_of(DownloadError("ERROR: failed", (type(wrapped), wrapped, None))) is cause


def test_an_error_of_the_disk_is_found_behind_others() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    try:
        try:
            raise full
        except OSError as error:
            raise UnavailableVideoError(error)  # noqa: B904  (as yt-dlp does)
    except UnavailableVideoError as error:
        shown = DownloadError(str(error), (type(error), error, None))
    assert full in list(chained(shown))


def test_a_circle_of_errors_ends() -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    assert len(list(chained(one))) == 2
    assert yt_dlp.version.__version__
