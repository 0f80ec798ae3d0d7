"""One row of Emilia's metadata: checks and the naming of its sources.

A row, in a ``.json`` beside its mp3 or as a line of a folder's ``.jsonl``::

    {"id": "DE_B00000_S00000_W000029",
     "wav": "DE_B00000/DE_B00000_S00000/mp3/DE_B00000_S00000_W000029.mp3",
     "text": " Und es gibt auch einen Stadtplan von Tegun zu sehen.", "duration": 3.228,
     "speaker": "DE_B00000_S00000", "language": "de", "dnsmos": 3.3697, "phone_count": 41}

``phone_count`` is optional and not used; ``dnsmos`` may be missing or null; ``wav`` matters only in
folders. Some YODAS shards spell the id ``_id``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from pipelines.sources.base import Refusal
from schemas import Reason

_WORD = re.compile(r"[^\W_]")
_LANGUAGE = re.compile(r"[a-z]{2}")
_UTTERANCE_ID = re.compile(r"([A-Za-z]{2})_(.+)_W\d+")
_BATCH_AND_SPEAKER = re.compile(r"B\d+_S\d+")
_YOUTUBE_ID = re.compile(r"([A-Za-z0-9_-]{11})(?:_.*)?")


class EmiliaRow(NamedTuple):
    """A row that is as it should be."""

    id: str
    source_id: str
    speaker: str
    language: str
    text: str
    text_raw: str
    duration: float  # seconds, as stated
    dnsmos: float | None
    wav: str | None


def parse_object(payload: bytes) -> dict[str, Any]:
    """The JSON object in a payload.

    Raises:
        Refusal: TRANSCRIPT_EMPTY for no bytes, TRANSCRIPT_INVALID for anything but an object.

    >>> parse_object(b'{"id": "a"}')
    {'id': 'a'}
    """
    if not payload:
        raise Refusal(Reason.TRANSCRIPT_EMPTY, "a transcript of zero bytes")
    try:
        row = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            payload.decode("utf-8")
        except UnicodeDecodeError as not_utf8:
            raise Refusal(Reason.TRANSCRIPT_INVALID, f"not UTF-8: {not_utf8.reason}") from error
        raise Refusal(Reason.TRANSCRIPT_INVALID, f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise Refusal(Reason.TRANSCRIPT_INVALID, f"a JSON {type(row).__name__}, not an object")
    return row


def id_of(row: Mapping[str, Any]) -> str | None:
    """The row's id, where it has one."""
    found = row.get("id") or row.get("_id")
    return found if isinstance(found, str) else None


def check_row(row: Mapping[str, Any]) -> EmiliaRow:
    """A row with all its fields checked; the first one that is wrong refuses it.

    Raises:
        Refusal: FIELD_INVALID names the field, LANGUAGE_UNKNOWN, or TEXT_EMPTY for a text
            without a single letter or digit.

    >>> check_row({"id": "EN_dQw4w9WgXcQ_W000001", "text": " Hi.", "duration": 1,
    ...            "speaker": "EN_dQw4w9WgXcQ", "language": "EN"})[:5]
    ('EN_dQw4w9WgXcQ_W000001', 'dQw4w9WgXcQ', 'EN_dQw4w9WgXcQ', 'en', 'Hi.')
    """
    duration = row.get("duration")
    if (
        not isinstance(duration, float | int)
        or isinstance(duration, bool)
        or not 0 < duration < math.inf
    ):
        raise _wrong("duration", duration, "a positive number of seconds", None)
    duration = float(duration)
    utterance_id = id_of(row)
    if utterance_id is None:
        raise _wrong("id", row.get("id"), "a string", duration)
    speaker = row.get("speaker")
    if not isinstance(speaker, str) or not speaker:
        raise _wrong("speaker", speaker, "a string", duration)
    language = row.get("language")
    if not isinstance(language, str):
        raise _wrong("language", language, "a string", duration)
    text_raw = row.get("text")
    if not isinstance(text_raw, str):
        raise _wrong("text", text_raw, "a string", duration)
    dnsmos = row.get("dnsmos")
    if dnsmos is not None:
        if not isinstance(dnsmos, float | int) or isinstance(dnsmos, bool):
            raise _wrong("dnsmos", dnsmos, "a number", duration)
        dnsmos = float(dnsmos)
    wav = row.get("wav")
    if wav is not None and not isinstance(wav, str):
        raise _wrong("wav", wav, "a path", duration)
    language = language.lower()
    if not _LANGUAGE.fullmatch(language):
        raise Refusal(Reason.LANGUAGE_UNKNOWN, f"language {language[:40]!r}", duration)
    if not _WORD.search(text_raw):
        raise Refusal(Reason.TEXT_EMPTY, f"text {text_raw[:40]!r} has no words", duration)
    return EmiliaRow(
        utterance_id,
        source_id_of(utterance_id, speaker),
        speaker,
        language,
        text_raw.strip(),
        text_raw,
        duration,
        dnsmos,
        wav,
    )


def source_id_of(utterance_id: str, speaker: str) -> str:
    """The source an utterance was cut from, as sidecars name it.

    Emilia's own ids name a batch and a speaker, and the speaker field is the source; YODAS ids
    hold a YouTube id of 11 characters, ``_`` and ``-`` among them.

    >>> source_id_of("EN_B00000_S00002_W000007", "EN_B00000_S00002")
    'EN_B00000_S00002'
    >>> source_id_of("EN_a_b-c_d-e_f_W000007", "EN_a_b-c_d-e_f_SPEAKER_01")
    'a_b-c_d-e_f'
    >>> source_id_of("EN_-W123_W0000_W000007", "anyone")
    '-W123_W0000'
    """
    parts = _UTTERANCE_ID.fullmatch(utterance_id)
    if parts is None or _BATCH_AND_SPEAKER.fullmatch(parts[2]):
        return speaker
    video = _YOUTUBE_ID.fullmatch(parts[2])
    return video[1] if video else speaker


def _wrong(field: str, found: object, expected: str, duration: float | None) -> Refusal:
    shown = "missing" if found is None else repr(found)[:40]
    return Refusal(Reason.FIELD_INVALID, f"{field}: {shown}, expected {expected}", duration)
