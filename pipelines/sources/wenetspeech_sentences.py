"""The sentences of one WenetSpeech recording: each is kept or rejected by itself."""

from __future__ import annotations

import math
import re
from operator import itemgetter

from pipelines.sources.base import Refusal
from pipelines.sources.wenetspeech_fields import described, number_field, text_field
from pipelines.sources.wenetspeech_plain import plain_sentences
from schemas import Reason, Rejection
from schemas.episode import Sentence

_SERIAL = re.compile(r"_S[0-9]+\Z")


class SentenceIds:
    """Which ids were kept so far, in memory that grows with recordings and not with sentences.

    A sid is its recording's aid with ``_S`` and a number, and an aid is unique, so one recording's
    sids need to be looked at together only. Sids of another form are remembered one by one; they do
    not occur in the corpus as released.
    """

    def __init__(self) -> None:
        """Nothing kept yet."""
        self._recordings: set[str] = set()
        self._strays: set[str] = set()

    def has_recording(self, aid: str) -> bool:
        """Whether a recording of that id was kept before."""
        return aid in self._recordings

    def keep_recording(self, aid: str) -> None:
        """Remembers a recording."""
        self._recordings.add(aid)

    @property
    def are_regular(self) -> bool:
        """Whether every sid so far has the usual form, so that only equal aids can clash."""
        return not self._strays

    def check(self, sid: str, aid: str, own: set[str]) -> None:
        """Remembers a sentence's id, with ``own`` as the memory of its recording.

        Raises:
            Refusal: the id came before.
        """
        if sid in own or sid in self._strays:
            raise Refusal(Reason.DUPLICATE_ID, f"sid {sid} came before in this file")
        serial = _SERIAL.search(sid)
        owner = sid[: serial.start()] if serial else None
        if owner == aid:
            own.add(sid)
            return
        if owner is not None and owner in self._recordings:
            # Whether just this number was used there is not known any more.
            raise Refusal(Reason.DUPLICATE_ID, f"sid {sid} is of recording {owner}")
        self._strays.add(sid)


class SentenceJudge:
    """Judges the sentences of one recording."""

    def __init__(
        self, aid: str, duration: float, tolerance_s: float, ids: SentenceIds, location: str
    ) -> None:
        """Takes the recording's id, length and tolerance in seconds, and its place in the file."""
        self._aid, self._ids, self._location = aid, ids, location
        self._duration, self._latest_end = duration, duration + tolerance_s
        self._own: set[str] = set()

    def judge(self, segments: list[object]) -> tuple[tuple[Sentence, ...], list[Rejection]]:
        """Sentences in order of start, end and id, and the rejections of the others."""
        if self._ids.are_regular:
            plain = plain_sentences(segments, f"{self._aid}_S", self._latest_end)
            if plain is not None:
                return plain, []
        kept: list[tuple[float, float, str, Sentence]] = []
        rejections: list[Rejection] = []
        for number, segment in enumerate(segments):
            try:
                kept.append(self._sentence(segment))
            except Refusal as refusal:
                refusal.duration = seconds_of(segment)
                record_id = sid_of(segment) or f"{self._aid} sentence {number}"
                location = f"{self._location} sentence {number}"
                rejections.append(refusal.rejection(record_id, location))
        # By the times as shipped: a rounded duration must not decide the order.
        kept.sort(key=itemgetter(0, 1, 2))
        return tuple(sentence for _, _, _, sentence in kept), rejections

    def _sentence(self, segment: object) -> tuple[float, float, str, Sentence]:
        """Any sentence.

        Raises:
            Refusal: it is not used.
        """
        if not isinstance(segment, dict):
            raise Refusal(Reason.FIELD_INVALID, f"{described(segment)}, expected an object")
        sid = text_field(segment, "sid")
        begin, end = number_field(segment, "begin_time"), number_field(segment, "end_time")
        confidence = number_field(segment, "confidence")
        text = text_field(segment, "text").strip()
        self._check(begin, end, confidence, text)
        self._ids.check(sid, self._aid, self._own)
        sentence = Sentence(
            id=sid,
            start=begin,
            duration=round(end - begin, 6),
            text=text,
            confidence=confidence,
            speaker=None,
            overlap_ratio=None,
            margin=None,
            flags=(),
        )
        return begin, end, sid, sentence

    def _check(self, begin: float, end: float, confidence: float, text: str) -> None:
        if end < begin:
            raise Refusal(Reason.TIMES_REVERSED, f"ends at {end} s, before it begins, {begin} s")
        if round(end - begin, 6) == 0:
            raise Refusal(Reason.TIMES_EMPTY, f"begins and ends at {begin} s")
        if end > self._latest_end:
            detail = f"ends at {end} s, the recording at {self._duration} s"
            raise Refusal(Reason.TIMES_OUTSIDE, detail)
        if confidence > 1:
            raise Refusal(Reason.FIELD_INVALID, f"confidence: {confidence}, expected at most 1")
        if not text:
            raise Refusal(Reason.TEXT_EMPTY, "text: white space only")


def sid_of(segment: object) -> str | None:
    """The id of a sentence; None where it has none that can be written."""
    try:
        return text_field(segment, "sid") if isinstance(segment, dict) else None
    except Refusal:
        return None


def seconds_of(segment: object) -> float | None:
    """The length of a sentence as shipped, in seconds; None where its times make no sense."""
    if not isinstance(segment, dict):
        return None
    begin, end = _time(segment.get("begin_time")), _time(segment.get("end_time"))
    if begin is None or end is None or not 0 <= begin <= end < math.inf:
        return None
    return round(end - begin, 6)


def _time(value: object) -> float | None:
    if type(value) is int and abs(value) < 1 << 53:
        return float(value)
    return value if type(value) is float else None
