"""The sentences of a recording with nothing odd about any of them, which most recordings are.

A third of the time that judging sentence by sentence takes: each check is one call for all of them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from itertools import repeat
from typing import Any

from schemas.episode import Sentence

_FIELDS = ("sid", "begin_time", "end_time", "confidence", "text")
_VALUES: list[Callable[[Any], Any]] = [operator.itemgetter(name) for name in _FIELDS]
_ORDER = operator.itemgetter(0, 1, 2)


def plain_sentences(
    segments: list[object], prefix: str, latest_end: float
) -> tuple[Sentence, ...] | None:
    """The sentences in order of start, end and id, or None where any of them wants a closer look.

    What is given is what :class:`pipelines.sources.wenetspeech_sentences.SentenceJudge` gives for
    each by itself.

    Args:
        segments: as the corpus has them.
        prefix: what all ids of the recording begin with; a number follows.
        latest_end: seconds; a sentence may end there, and not later.
    """
    try:
        sids, begins, ends, confidences, texts = (list(map(values, segments)) for values in _VALUES)
        texts = [text.strip() for text in texts]
        "".join(texts).encode()
        joined = "\n".join(sids)
    except (KeyError, TypeError, IndexError, AttributeError, UnicodeEncodeError):
        return None
    serials = ("\n" + joined).replace("\n" + prefix, "")
    is_plain = (
        set(map(type, begins)) == set(map(type, ends)) == set(map(type, confidences)) == {float}
        # Not so for a NaN, which would pass the comparisons of smallest and largest below.
        and math.isfinite(math.fsum(begins) + math.fsum(ends) + math.fsum(confidences))
        and min(begins) >= 0.0
        and max(ends) <= latest_end
        and min(confidences) >= 0.0
        and max(confidences) <= 1.0
        and all(map(operator.lt, begins, ends))
        and all(texts)
        and serials.isdecimal()
        and serials.isascii()
        and prefix not in sids
        and joined.count("\n") == len(sids) - 1
        and len(set(sids)) == len(sids)
    )
    if not is_plain:
        return None
    durations = list(map(round, map(operator.sub, ends, begins), repeat(6)))
    if 0.0 in durations:
        return None
    sentences = [
        Sentence(
            id=sid,
            start=begin,
            duration=duration,
            text=text,
            confidence=confidence,
            speaker=None,
            overlap_ratio=None,
            margin=None,
            flags=(),
        )
        for sid, begin, duration, text, confidence in zip(
            sids, begins, durations, texts, confidences, strict=True
        )
    ]
    if not all(map(operator.lt, begins, begins[1:])):
        ordered = sorted(zip(begins, ends, sids, sentences, strict=True), key=_ORDER)
        sentences = [sentence for _, _, _, sentence in ordered]
    return tuple(sentences)
