"""Lines of a table of clips, whose columns the settings name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pipelines.audio_place import AudioPlace
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, escapes
from pipelines.sources.clip_file import probe_bytes
from pipelines.sources.labelled.clip_fields import ClipFields, Fields
from pipelines.sources.labelled.clips import Clips, seen_from
from pipelines.sources.labelled.line import Line, RefusedLine
from pipelines.sources.labelled.open_settings import OpenSettings
from pipelines.sources.labelled.table_rows import Row, columns_of, table_rows
from schemas import Reason

_FIELDS = ("id", "audio", "text", "speaker", "language", "description", "recording")


def check_table(uri: str, settings: OpenSettings) -> None:
    """Looks whether a table has the columns without which no row can be used.

    Raises:
        UsageError: it cannot be read or has no column for a field; names both, and the setting.
    """
    found = columns_of(uri, settings.encodings, settings.delimiter)
    if not found:
        raise UsageError(f"{uri}: a table without a row; expected columns {_known(settings)}")
    for field in ("audio", "text"):
        wanted = settings.columns_of(field)
        elsewhere = field == "text" and (settings.sentences or "text" in settings.constants)
        if field == "audio" and set(settings.columns_of("id")) & set(found):
            continue
        if not set(wanted) & set(found) and not elsewhere:
            raise UsageError(
                f"{uri}: no column for {field} (looked for {', '.join(wanted) or 'none'}); it has "
                f"{', '.join(found)}. The layout is not confirmed; settings: columns.{field}"
            )


def table_lines(
    uri: str, settings: OpenSettings, clip_fields: ClipFields
) -> Iterator[Line | RefusedLine]:
    """The table's lines; clips are found by path or, where that is not there, by name.

    Raises:
        UsageError: see :func:`pipelines.sources.labelled.table_rows.table_rows`.
        Refusal: the rest of the table cannot be read.
    """
    stem = posixpath.splitext(posixpath.basename(uri))[0]
    folder = seen_from(uri, settings.audio_folder)
    clips: Clips | None = None
    for row in table_rows(uri, settings.encodings, settings.delimiter):
        number = row.number if isinstance(row, Row) else row[0]
        key, location = f"{stem}_{number}", f"{uri}:{number}"
        try:
            if not isinstance(row, Row):
                raise row[1]
            embedded = _embedded(row, settings)
            fields = row_fields(row.fields, settings, with_audio=embedded is None)
            key = fields.get("id", "").strip() or key
            if embedded is not None:
                place = AudioPlace(uri, "parquet", None, number, len(embedded.get("bytes") or b""))
                probe = partial(probe_bytes, embedded.get("bytes"), place)
                yield clip_fields.line(fields, key, location, uri, folder, probe)
                continue
            clips = clips or Clips(folder)
            path = _find(clips, fields, folder)
            fields = {**clip_fields.of_path(posixpath.join(folder, path), needed=False), **fields}
            yield clip_fields.line(fields, key, location, path, folder)
        except Refusal as refusal:
            yield RefusedLine(key, location, refusal)


def _embedded(row: Row, settings: OpenSettings) -> Mapping[str, Any] | None:
    audio = next((row.fields[n] for n in settings.columns_of("audio") if n in row.fields), None)
    return audio if isinstance(audio, dict) else None


def row_fields(
    row: Mapping[str, Any], settings: OpenSettings, *, with_audio: bool = True
) -> Fields:
    """The fields that a row tells, by the columns that the settings name.

    Raises:
        Refusal: FIELD_INVALID where a column has something else than text or a number.
    """
    found: Fields = {}
    for field in (*_FIELDS, *settings.labels):
        if field == "audio" and not with_audio:
            continue
        for name in settings.columns_of(field):
            content = row.get(name)
            if content is None or content == "":
                continue
            if not isinstance(content, str | int | float):
                kind = type(content).__name__
                raise Refusal(Reason.FIELD_INVALID, f"{name}: a {kind}, expected text")
            found[field] = str(content)
            break
        else:
            if field == "text" and any(name in row for name in settings.columns_of(field)):
                found[field] = ""  # the corpus has the column, and nothing in it
    return found


def _find(clips: Clips, fields: Fields, folder: str) -> str:
    wanted = (fields.get("audio") or fields.get("id", "")).strip()
    if not wanted:
        raise Refusal(Reason.AUDIO_MISSING, "neither a clip nor an id in the row")
    if escapes(wanted) or "://" in wanted:
        raise Refusal(Reason.MEMBER_UNSAFE, f"{wanted[:200]}: its path leaves the folder")
    found = clips.find(wanted)
    if len(found) > 1:
        shown = ", ".join(found[:3])
        raise Refusal(Reason.FIELD_INVALID, f"{wanted[:200]} may be any of {shown}")
    if not found:
        raise Refusal(Reason.AUDIO_MISSING, f"no clip {wanted[:200]} in {folder}")
    return found[0]


def _known(settings: OpenSettings) -> str:
    fields = (*_FIELDS, *settings.labels)
    return "; ".join(f"{f}: {', '.join(settings.columns_of(f))}" for f in fields)
