"""The two layouts of game voice dumps as streams of lines: field mapping and clip, unchecked."""

from __future__ import annotations

import itertools
import os
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import ijson
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.audio_facts import AudioFacts, AudioPlace, AudioUnreadable
from pipelines.sources.audio_probe import HEAD_BYTES, probe, probe_whole
from pipelines.sources.base import Refusal, escapes, open_if_present
from schemas import Reason

_BATCH_ROWS = 16  # rows of a parquet file in memory; a clip may have megabytes
_PAGE_BYTES = 1 << 20
_SUFFIXES = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a")

Clip = tuple[AudioFacts, AudioPlace]


@dataclass(frozen=True, slots=True)
class DumpLine:
    """One line of a dump as it stands there."""

    key: str  # names the line within its file
    key_is_id: bool  # False for a row number, which another file has, too
    location: str
    fields: Mapping[str, Any]
    probe_clip: Callable[[], Clip]  # raises Refusal for a clip that cannot be used


def parquet_lines(uri: str, columns: frozenset[str]) -> Iterator[DumpLine]:
    """Rows of a parquet export; ``columns`` are the ones to read beside the audio.

    Raises:
        UsageError: not a parquet file, or one without an audio column.
    """
    stem = posixpath.splitext(posixpath.basename(uri))[0]
    with files.open_read(uri) as stream:
        try:
            table = pq.ParquetFile(stream, buffer_size=_PAGE_BYTES, pre_buffer=False)
        except pa.ArrowInvalid as error:
            raise UsageError(f"{uri}: not a parquet file: {error}") from error
        names = table.schema_arrow.names
        if "audio" not in names:
            raise UsageError(f"{uri}: no column audio; it has {', '.join(names)}")
        wanted = ["audio", *(name for name in names if name in columns)]
        batches = table.iter_batches(batch_size=_BATCH_ROWS, columns=wanted)
        rows = itertools.chain.from_iterable(batch.to_pylist() for batch in batches)
        for number, row in enumerate(rows):
            audio = row.pop("audio")
            clip = audio.get("bytes") if isinstance(audio, dict) else audio
            place = AudioPlace(uri, "parquet", None, number, len(clip or b""))
            yield DumpLine(
                f"{stem}_{number}", False, f"{uri}:{number}", row, _of_bytes(clip, place)
            )


def result_lines(uri: str, columns: frozenset[str]) -> Iterator[DumpLine]:
    """Entries of a ``result.json``, which is read as a stream; ``columns`` are the fields to keep.

    Raises:
        UsageError: the file is not a JSON object.
        Refusal: the file breaks off or is damaged; what came before was given.
    """
    folder = posixpath.dirname(uri)
    with files.open_read(uri) as stream:
        if stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
            raise UsageError(f"{uri}: not a JSON object of audio names")
        stream.seek(0)
        try:
            for name, fields in ijson.kvitems(stream, ""):
                key = posixpath.splitext(posixpath.basename(name))[0]
                location = f"{uri}:{name}"
                if not isinstance(fields, dict):
                    kind = type(fields).__name__
                    yield DumpLine(key, True, location, {}, _refusing(name, kind))
                    continue
                kept = {key: fields[key] for key in columns & fields.keys()}
                yield DumpLine(key, True, location, kept, _of_file(folder, name))
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise Refusal(Reason.TRANSCRIPT_INVALID, f"not JSON from here on: {error}") from error


def _refusing(name: str, kind: str) -> Callable[[], Clip]:
    def refuse() -> Clip:
        raise Refusal(Reason.FIELD_INVALID, f"{name}: a {kind}, expected an object")

    return refuse


def _of_bytes(clip: object, place: AudioPlace) -> Callable[[], Clip]:
    def probe_bytes() -> Clip:
        if not isinstance(clip, bytes):
            raise Refusal(Reason.AUDIO_MISSING, "no audio bytes in the row")
        if not clip:
            raise Refusal(Reason.AUDIO_EMPTY, "a clip of zero bytes")
        return _checked(lambda: probe_whole(clip)), place

    return probe_bytes


def _of_file(folder: str, name: str) -> Callable[[], Clip]:
    def probe_file() -> Clip:
        if escapes(name):
            raise Refusal(Reason.MEMBER_UNSAFE, f"{name[:200]}: its path leaves the folder")
        stem, suffix = posixpath.splitext(name)
        # Dumps are re-encoded now and then, and the names in result.json are not.
        others = (stem + other for other in _SUFFIXES if other != suffix)
        for candidate in itertools.chain((name,), others):
            path = files.join(folder, candidate)
            stream = open_if_present(path)
            if stream is not None:
                with stream:
                    return _probed(stream, path)
        raise Refusal(Reason.AUDIO_MISSING, f"no file {name[:200]}")

    return probe_file


def _probed(stream: BinaryIO, path: str) -> Clip:
    def read_whole() -> bytes:
        stream.seek(0)
        return stream.read()

    def facts() -> AudioFacts:
        stream.seek(0)
        found = probe(stream.read(HEAD_BYTES), size, read_whole)
        # There is no stated duration to compare with: an estimate would go unchecked.
        return probe_whole(read_whole()) if found.is_estimate else found

    size = stream.seek(0, os.SEEK_END)
    if not size:
        raise Refusal(Reason.AUDIO_EMPTY, "a clip of zero bytes")
    return _checked(facts), AudioPlace(path, "file", None, 0, size)


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
