"""From an utterance's id, which is outside data, to a key that is safe as a file name in a tar.

Lhotse demands that a shard's member names are the cut ids, and a member's name decides where an
unpacking tool writes. So the cut is named by the key, and its supervision keeps the id as it is.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote

MAX_KEY = 90  # with the longest extension below the 100 bytes of a plain ustar name
_DIGEST = 32  # hex digits: 128 bits, no two ids will ever share them


def cut_key(utterance_id: str) -> str:
    """A file name for the id: ASCII letters, digits, ``_ - . %`` and ``~``, at most 90 of them.

    Different ids have different keys. Everything else is percent-encoded, a leading dot too; what
    becomes too long keeps its beginning and ends in ``~`` and a hash of the whole id.

    Raises:
        ValueError: the id is empty, or is not text that UTF-8 can hold.

    >>> cut_key("EN_B00000_S00000_W000004")
    'EN_B00000_S00000_W000004'
    >>> cut_key("../etc/passwd"), cut_key("510001P1.SB")
    ('%2E.%2Fetc%2Fpasswd', '510001P1.SB')
    """
    if not utterance_id:
        raise ValueError("an utterance id may not be empty")
    key = quote(utterance_id, safe="").replace("~", "%7E")  # quote() leaves ~ as it is
    if key.startswith("."):
        key = "%2E" + key[1:]
    if len(key) > MAX_KEY:
        digest = hashlib.sha256(utterance_id.encode()).hexdigest()[:_DIGEST]
        key = f"{key[: MAX_KEY - _DIGEST - 1]}~{digest}"
    return key
