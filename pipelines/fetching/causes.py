"""Why a video could not be had: from what yt-dlp raises and says to one of nine causes.

The error's class and HTTP status decide where they are clear; the message decides otherwise,
because most of what a site says (private, removed, ...) reaches us as one class with a text. The
table is read from the top, and its order matters: ``Private video. Sign in ...`` is private. A 403
is throttling when it comes for the stream of a video whose page was shown, and unavailable else.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator


class Cause(enum.StrEnum):
    """Why there is no usable video for an episode."""

    PRIVATE = "private"  # the owner or the site lets only certain accounts see it
    REMOVED = "removed"  # deleted by the owner, or taken down by the site
    GEO_BLOCKED = "geo_blocked"  # not shown in this country
    THROTTLED = "throttled"  # asked too often, taken for a robot, or served too slowly
    NETWORK = "network"  # no connection, a broken one, or the server's own fault
    AGE_RESTRICTED = "age_restricted"  # shown to accounts of adults only
    UNAVAILABLE = "unavailable"  # the site says that it has none, for no reason it tells
    DURATION_MISMATCH = "duration_mismatch"  # longer or shorter than the corpus says
    OTHER = "other"  # everything else: see the detail


# Trying again may help with these.
TRANSIENT = frozenset({Cause.THROTTLED, Cause.NETWORK})

_STATUS = {
    401: Cause.PRIVATE,
    402: Cause.PRIVATE,
    404: Cause.REMOVED,
    410: Cause.REMOVED,
    407: Cause.NETWORK,  # the proxy wants a password
    408: Cause.NETWORK,
    425: Cause.THROTTLED,
    429: Cause.THROTTLED,
    451: Cause.GEO_BLOCKED,
    403: Cause.UNAVAILABLE,
}

# By class name, so that this module does not need yt-dlp; base classes count, too.
_CLASSES = {
    "GeoRestrictedError": Cause.GEO_BLOCKED,
    "ThrottledDownload": Cause.THROTTLED,
    "SlowDownload": Cause.THROTTLED,
    "ContentTooShortError": Cause.NETWORK,
    "TransportError": Cause.NETWORK,  # IncompleteRead, SSLError and ProxyError are among them
    "ConnectionError": Cause.NETWORK,
    "TimeoutError": Cause.NETWORK,
    "UserNotLive": Cause.UNAVAILABLE,
}

_MESSAGES: tuple[tuple[Cause, str], ...] = (
    (
        Cause.THROTTLED,
        r"not a bot|captcha|rate.?limit|too many requests|try again later|HTTP Error 429"
        r"|IP is likely being blocked|unusual traffic|speed (is|stays) below"
        r"|unable to download video data: HTTP Error 403",
    ),
    (
        Cause.AGE_RESTRICTED,
        r"confirm your age|age.?restrict|inappropriate for some|only .*to adults|over 18",
    ),
    (
        Cause.GEO_BLOCKED,
        r"(available|blocked|blocked it|playable|viewable) (in|from|on) your (current )?"
        r"(country|location|region)|in your country|geo.?restrict|geo.?block|HTTP Error 451",
    ),
    (
        Cause.PRIVATE,
        r"private|members.only|join this channel|only available (for|to) (registered|music premium)"
        r"|login required|log ?in (is )?required|login details are needed|granted access"
        r"|requires (payment|purchase)|paid content|account is needed|HTTP Error 40[12]",
    ),
    (
        Cause.REMOVED,
        r"removed|terminated|account .*closed|has been deleted|was deleted|copyright"
        r"|no longer available|does not exist|taken down|HTTP Error (404|410)",
    ),
    (
        Cause.NETWORK,
        r"timed? ?out|connection (refused|reset|aborted|broken)|getaddrinfo|name or service"
        r"|name resolution|network is unreachable|no route to host|certificate|SSL"
        r"|bytes read|content too short|remote end closed|proxy|HTTP Error 5\d\d"
        r"|incomplete data received|EOF occurred",
    ),
    # What was asked for is not there, which may be the asker's fault: a later run tries again.
    (Cause.OTHER, r"requested format|no video formats"),
    (
        Cause.UNAVAILABLE,
        r"unavailable|not available|isn.t available|HTTP Error 403|forbidden|DRM"
        r"|premieres? in|will begin|offline|not currently live"
        r"|live stream|unsupported URL|incomplete YouTube ID|truncated|sign in",
    ),
)
_TABLE = tuple((cause, re.compile(pattern, re.IGNORECASE)) for cause, pattern in _MESSAGES)


_LINKS = ("cause", "reason", "__cause__", "__context__")


def cause_of(error: BaseException) -> Cause:
    """The cause behind an error of yt-dlp.

    >>> cause_of(Exception("ERROR: [youtube] abc: Video unavailable. This video is private"))
    <Cause.PRIVATE: 'private'>
    """
    chain = list(chained(error))
    for link in chain:
        status = status_of(link)
        if status is not None:
            # The body of a 403 may say more than the number does, and then stands in the message.
            known = _STATUS.get(status, Cause.NETWORK if status >= 500 else Cause.UNAVAILABLE)
            return known if known is not Cause.UNAVAILABLE else _by_message(str(error)) or known
    for link in chain:
        for base in type(link).__mro__:
            if base.__name__ in _CLASSES:
                return _CLASSES[base.__name__]
    return _by_message(" ".join(str(link) for link in chain)) or Cause.OTHER


def _by_message(message: str) -> Cause | None:
    # URLs in it are advice or an echo: ".../wiki/Private" says nothing about the video.
    said = re.sub(r"https?://\S+", "", message)
    return next((cause for cause, pattern in _TABLE if pattern.search(said)), None)


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error carries; None for other errors."""
    status = getattr(error, "status", None)
    return status if isinstance(status, int) and 400 <= status < 600 else None


def chained(error: BaseException) -> Iterator[BaseException]:
    """The error and what is behind it, outermost first.

    yt-dlp keeps the inner error in ``exc_info`` of its DownloadError and in ``cause`` of others.
    """
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop(0)
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        exc_info = getattr(link, "exc_info", None)
        if isinstance(exc_info, tuple) and len(exc_info) == 3:
            waiting.append(exc_info[1])
        waiting += [getattr(link, name, None) for name in _LINKS]
