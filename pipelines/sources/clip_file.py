"""One clip, in a file of its own or in memory: its headers read, faults as refusals."""

from __future__ import annotations

import itertools
import os
import posixpath
from collections.abc import Callable
from typing import BinaryIO

from pipelines import files
from pipelines.audio_place import AudioPlace
from pipelines.sources.audio_facts import AudioFacts, AudioUnreadable
from pipelines.sources.audio_probe import HEAD_BYTES, probe, probe_container, probe_whole
from pipelines.sources.base import Refusal, escapes, open_if_present
from schemas import Reason

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".mp4", ".webm")

Clip = tuple[AudioFacts, AudioPlace]


def probe_file(folder: str, name: str) -> Clip:
    """The clip's facts and place.

    Corpora are re-encoded now and then while the names in their tables stay as they were: where
    ``name`` is not there, the same name with another suffix of audio is taken.

    Args:
        folder: what the clip may not leave.
        name: path of the clip in the folder.

    Raises:
        Refusal: MEMBER_UNSAFE, or the audio is missing, empty, unreadable or cut.
    """
    if escapes(name) or "://" in name:
        raise Refusal(Reason.MEMBER_UNSAFE, f"{name[:200]}: its path leaves the folder")
    if "\0" in name:
        raise Refusal(Reason.FIELD_INVALID, f"{name[:200]!r}: no file has such a name")
    stem, suffix = posixpath.splitext(name)
    others = (stem + other for other in SUFFIXES if other != suffix)
    for candidate in itertools.chain((name,), others):
        path = files.join(folder, candidate)
        stream = open_if_present(path)
        if stream is not None:
            with stream:
                return _probed(stream, path)
    raise Refusal(Reason.AUDIO_MISSING, f"no file {name[:200]}")


def probe_bytes(clip: object, place: AudioPlace) -> Clip:
    """The facts of a clip that a table holds, with the place it has there.

    Raises:
        Refusal: the audio is missing, empty, unreadable or cut.
    """
    if not isinstance(clip, bytes):
        raise Refusal(Reason.AUDIO_MISSING, "no audio bytes in the row")
    if not clip:
        raise Refusal(Reason.AUDIO_EMPTY, "a clip of zero bytes")
    return _checked(lambda: probe_whole(clip)), place


def _checked(facts: Callable[[], AudioFacts]) -> AudioFacts:
    try:
        found = facts()
    except AudioUnreadable as error:
        raise Refusal(Reason.AUDIO_UNREADABLE, str(error)) from error
    if not found.is_complete:
        raise Refusal(Reason.AUDIO_TRUNCATED, "the clip breaks off", found.duration)
    if not found.duration:
        raise Refusal(Reason.AUDIO_EMPTY, "a clip without sound")
    return found


def _probed(stream: BinaryIO, path: str) -> Clip:
    def read_whole() -> bytes:
        stream.seek(0)
        return stream.read()

    def facts() -> AudioFacts:
        stream.seek(0)
        head = stream.read(HEAD_BYTES)
        # A video may have megabytes of pictures: its index, or its sound's packets, are enough.
        if head[4:8] == b"ftyp" or head[:4] == b"\x1aE\xdf\xa3":
            stream.seek(0)
            return probe_container(stream, size)
        found = probe(head, size, read_whole)
        # There is no stated duration to compare with: an estimate would go unchecked.
        return probe_whole(read_whole()) if found.is_estimate else found

    size = stream.seek(0, os.SEEK_END)
    if not size:
        raise Refusal(Reason.AUDIO_EMPTY, "a clip of zero bytes")
    return _checked(facts), AudioPlace(path, "file", None, 0, size)
