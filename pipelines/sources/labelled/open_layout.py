r"""Corpora whose layout is not confirmed, read by what their settings say of it.

Either a table of clips, a row a clip::

    id|utterance|emotion|level|audio_recording          (EMNS: metadata.csv, columns by `|`)
    7|She was gone.|Sad|4|wavs/7_recording.webm

or the clips themselves, whose paths tell the fields (MEAD), their text beside them (NCSSD) or in a
table of sentences::

    M003/audio/angry/level_1/001.m4a
    R-ZH/000/00_ZH00.wav + R-ZH/000/00_ZH00.txt

Which columns, which pattern and which suffix are in :mod:`pipelines.sources.labelled.open_settings`
and can all be set; an error says which setting to change.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, Shard, list_inputs
from pipelines.sources.labelled.clip_fields import ClipFields, Fields
from pipelines.sources.labelled.clips import Clips
from pipelines.sources.labelled.line import Line, RefusedLine
from pipelines.sources.labelled.open_settings import OpenSettings
from pipelines.sources.labelled.open_table import check_table, row_fields, table_lines
from pipelines.sources.labelled.text_file import decode, read_text
from schemas import Reason


class OpenLayout:
    """See the module; a shard is a table, or a folder of an input folder."""

    def __init__(self, settings: OpenSettings) -> None:
        """Takes the corpus's settings."""
        self._settings = settings
        self._path = re.compile(settings.path) if settings.path is not None else None
        self._sentences: dict[str, str] | None = None

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        if not inputs:
            raise UsageError(f"no input path given; expected {self._expected()}")
        self.prepare()
        found: list[Shard] = []
        for path in inputs:
            tables = self._tables(path)
            for uri in tables:
                check_table(uri, self._settings)
            found += [Shard(uri, "table") for uri in tables] or self._folders(path)
        return sorted(set(found), key=lambda shard: shard.uri)

    def prepare(self) -> None:
        """Reads the tables of sentences."""
        if self._sentences is None:
            self._sentences = {}
            for path in self._settings.sentences:
                self._sentences |= read_sentences(path, self._settings.encodings)

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        self.prepare()
        fields = ClipFields(self._settings, self._path, self._sentences or {})
        if shard.layout == "table":
            yield from table_lines(shard.uri, self._settings, fields)
        else:
            yield from self._clip_lines(shard.uri, fields)

    def _clip_lines(self, folder: str, fields: ClipFields) -> Iterator[Line | RefusedLine]:
        clips = Clips(folder)
        for inside in clips.paths:
            location = posixpath.join(folder, inside)
            key = posixpath.splitext(posixpath.join(posixpath.basename(folder), inside))[0]
            try:
                told = fields.of_path(location)
                key = told.get("id", key)
                told |= self._told_beside(clips, folder, inside)
                yield fields.line(told, key, location, inside, folder)
            except Refusal as refusal:
                yield RefusedLine(key, location, refusal)

    def _told_beside(self, clips: Clips, folder: str, inside: str) -> Fields:
        suffix = self._settings.text_suffix
        path = posixpath.splitext(inside)[0] + (suffix or "")
        if suffix is None or path not in clips.others:
            return {}
        with_folder = posixpath.join(folder, path)
        text = decode(clips.read(path), self._settings.encodings)
        if text is None:
            detail = f"{with_folder}: in none of {', '.join(self._settings.encodings)}"
            raise Refusal(Reason.TRANSCRIPT_INVALID, f"{detail}; settings: encodings")
        if suffix != ".json":
            return {"text": text}
        try:
            row = json.loads(text)
        except ValueError as error:
            raise Refusal(Reason.TRANSCRIPT_INVALID, f"{with_folder}: {error}") from error
        if not isinstance(row, dict):
            raise Refusal(Reason.TRANSCRIPT_INVALID, f"{with_folder}: not a JSON object")
        return row_fields(row, self._settings, with_audio=False)

    def _tables(self, path: str) -> list[str]:
        if not self._settings.tables:
            return []
        try:
            return list_inputs([path], self._settings.tables, self._expected())
        except UsageError:
            if self._path is None:
                raise
            return []

    def _folders(self, path: str) -> list[Shard]:
        """The folders just below an input folder that have clips; itself, where it has some."""
        root = path.rstrip("/")
        clips = Clips(root)
        heads = {inside.split("/")[0] if "/" in inside else "" for inside in clips.paths}
        if not heads:
            raise UsageError(f"{path}: no audio here; expected {self._expected()}")
        if self._path is None or not any(
            self._path.search(posixpath.join(root, inside)) for inside in clips.paths
        ):
            raise UsageError(
                f"{path}: {clips.paths[0]} and all others do not match settings `path` "
                f"({self._settings.path}); expected {self._expected()}"
            )
        if "" in heads:
            return [Shard(root, "clips")]
        return [Shard(f"{root}/{head}", "clips") for head in sorted(heads)]

    def _expected(self) -> str:
        tables = " or ".join(self._settings.tables)
        clips = f"clips whose paths match {self._settings.path}" if self._settings.path else ""
        ways = " or ".join(way for way in (f"tables {tables}" if tables else "", clips) if way)
        kind = getattr(self._settings, "kind", "corpus")
        return (
            f"{ways or 'settings `tables` or `path`'}. The layout of {kind} is not confirmed: "
            "tables, columns, path, text_suffix and sentences can be set in params.yaml"
        )


def read_sentences(path: str, encodings: Sequence[str]) -> Mapping[str, str]:
    """A table of transcripts, ``key <tab> text`` a line.

    Raises:
        UsageError: it cannot be read, a line has no tab, or a key comes again with another text.
    """
    found: dict[str, str] = {}
    for number, row in enumerate(read_text(path, encodings).splitlines(), start=1):
        if not row.strip():
            continue
        key, tab, text = row.partition("\t")
        if not tab:
            raise UsageError(f"{path}:{number}: no tab; expected `key <tab> text`")
        if found.setdefault(key.strip(), text) != text:
            raise UsageError(f"{path}:{number}: key {key.strip()!r} came before with other words")
    return found
