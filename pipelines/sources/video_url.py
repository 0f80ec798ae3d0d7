"""The id of a video, taken from its URL: file names are made of it, so it is checked."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_video_id(text: str) -> bool:
    """Whether a text may name files: letters, digits, ``-`` and ``_``, at most 64.

    >>> [is_video_id(t) for t in ("-Kd8wPq3ZtE", "c7_Xm2RvLs0", "../x", "a.b", "")]
    [True, True, False, False, False]
    """
    return _ID.fullmatch(text) is not None


def video_id_of(url: str) -> str | None:
    """The video id in a URL: the query's ``v``, else the last step of the path; None without one.

    The corpus's own ids cannot give it: ``Y0000000000_-Kd8wPq3ZtE`` may be split at any ``_``.

    >>> video_id_of("https://www.youtube.com/watch?v=-Kd8wPq3ZtE&t=3")
    '-Kd8wPq3ZtE'
    >>> video_id_of("https://youtu.be/c7_Xm2RvLs0?si=x")
    'c7_Xm2RvLs0'
    >>> video_id_of("file:///etc/passwd") is video_id_of("https://example.org/?v=../x") is None
    True
    """
    try:
        parts = urlsplit(url)
        asked = parse_qs(parts.query).get("v")
    except ValueError:  # half an IPv6 address, say
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    found = asked[0] if asked else parts.path.rstrip("/").rpartition("/")[2]
    return found if is_video_id(found) else None
