"""The two layouts of game voice dumps as streams of lines: field mapping and clip, unchecked."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ijson

from pipelines import files
from pipelines.audio_place import AudioPlace
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal
from pipelines.sources.clip_file import Clip, probe_bytes, probe_file
from pipelines.sources.json_screen import ScreenedJson
from pipelines.sources.parquet_rows import open_parquet, parquet_rows
from schemas import Reason

_BATCH_ROWS = 16  # rows of a parquet file in memory; a clip may have megabytes


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
        Refusal: the rest of the file cannot be read; what came before was given.
    """
    stem = posixpath.splitext(posixpath.basename(uri))[0]
    with files.open_read(uri) as stream:
        table = open_parquet(uri, stream)
        names = table.schema_arrow.names
        if "audio" not in names:
            raise UsageError(f"{uri}: no column audio; it has {', '.join(names)}")
        wanted = ["audio", *(name for name in names if name in columns)]
        for number, row in parquet_rows(table, _BATCH_ROWS, wanted):
            audio = row.pop("audio")
            clip = audio.get("bytes") if isinstance(audio, dict) else audio
            size = len(clip) if isinstance(clip, bytes) else 0
            place = AudioPlace(uri, "parquet", None, number, size)
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
            for name, fields in ijson.kvitems(ScreenedJson(stream), ""):
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
    return lambda: probe_bytes(clip, place)


def _of_file(folder: str, name: str) -> Callable[[], Clip]:
    return lambda: probe_file(folder, name)
