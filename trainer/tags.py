"""Paralinguistic tags: `[Laughter]` as one token of its own (FlexiVoice A.2, NVSpeech).

The tags of NVSpeech stand in the transcript where the sound is heard. They become ordinary tokens
of text, which a transcript may hold, not special ones, which it may not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from trainer.errors import UsageError

_TAG = re.compile(r"\[[A-Za-z][A-Za-z0-9 _-]{0,30}\]")
_MAX_TAGS = 1000  # more than that are no tags but something else in brackets


def read_tags(path: str) -> list[str]:
    """The tags of a file: one a line, as they stand in the transcripts; ``#`` begins a comment.

    Raises:
        UsageError: the file cannot be read, or a line is no tag.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    tags = [line.split("#")[0].strip() for line in lines]
    for number, tag in enumerate(tags, 1):
        if tag and not _TAG.fullmatch(tag):
            raise UsageError(f"{path}:{number}: {tag!r} is no tag; one is like [Laughter]")
    return _unique(tag for tag in tags if tag)


def find_tags(texts: Iterable[str]) -> Counter[str]:
    """How often each tag is in the transcripts.

    >>> find_tags(["[Sigh] well [Laughter]", "oh [Sigh]", "[1] no"])
    Counter({'[Sigh]': 2, '[Laughter]': 1})
    """
    return Counter(tag for text in texts for tag in _TAG.findall(text))


def check_tags(tags: Iterable[str]) -> list[str]:
    """The tags without repeats, in order.

    Raises:
        UsageError: there are far too many.
    """
    found = _unique(tags)
    if len(found) > _MAX_TAGS:
        raise UsageError(f"{len(found)} tags, more than {_MAX_TAGS}: are these tags?")
    return found


def _unique(tags: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(tags))
