r"""MELD: a table a split, a video a turn.

::

    train_sent_emo.csv
        Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,...
        1,Hello there!,Chandler,neutral,neutral,0,0,8,21,"00:16:16,059","00:16:21,731"
    train_splits/dia0_utt0.mp4          (or .wav, where someone extracted the sound)
    dev_sent_emo.csv, test_sent_emo.csv; dev_splits_complete/, output_repeated_splits_test/

English; dialogue numbers start anew in every split. The tables went through windows-1252: quotes
and dashes are its bytes, or the control characters that these bytes became.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, Shard, list_inputs
from pipelines.sources.labelled.clips import Clips, seen_from
from pipelines.sources.labelled.emotion_settings import MeldSettings
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line, RefusedLine
from pipelines.sources.labelled.table_rows import Row, columns_of, table_rows
from schemas import Reason

_EXPECTED = "MELD's train_sent_emo.csv, dev_sent_emo.csv or test_sent_emo.csv beside their videos"
_COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")


def _windows_1252() -> dict[int, str]:
    known = {}
    for number in range(0x80, 0xA0):
        try:
            known[number] = bytes([number]).decode("cp1252")
        except UnicodeDecodeError:  # five bytes mean nothing there
            known[number] = ""
    return known


_CONTROLS = _windows_1252()


class MeldLayout:
    """See the module; a shard is a split."""

    def __init__(self, settings: MeldSettings) -> None:
        """Takes the corpus's settings."""
        self._settings = settings

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        found = list_inputs(inputs, ["*_sent_emo.csv"], _EXPECTED)
        for uri in found:
            self._folders(uri)
            media = seen_from(uri, self._settings.media_folder)
            if not files.exists(media):
                raise UsageError(f"{media}: no such folder (settings: media_folder)")
            missing = set(_COLUMNS) - set(columns_of(uri, self._settings.encodings))
            if missing:
                raise UsageError(f"{uri}: no column {', '.join(sorted(missing))}; {_EXPECTED}")
        return [Shard(uri, "meld") for uri in found]

    def prepare(self) -> None:
        """Nothing to load."""

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        split, folders = self._folders(shard.uri)
        clips = Clips(seen_from(shard.uri, self._settings.media_folder))
        rows = table_rows(shard.uri, self._settings.encodings)
        for row in rows:
            number = row.number if isinstance(row, Row) else row[0]
            key, location = f"{split}_row{number}", f"{shard.uri}:{number}"
            try:
                if not isinstance(row, Row):
                    raise row[1]
                name = _name(row.fields)
                key = f"{split}_{name}"
                yield self._line(key, location, row.fields, _clip(clips, folders, name), clips)
            except Refusal as refusal:
                yield RefusedLine(key, location, refusal)

    def _line(
        self, key: str, location: str, fields: Mapping[str, Any], path: str, clips: Clips
    ) -> Line:
        raw = fields["Utterance"]
        return Line(
            key=key,
            location=location,
            audio=path,
            folder=clips.folder,
            text=raw.translate(_CONTROLS),
            text_raw=raw,
            speaker=fields["Speaker"].translate(_CONTROLS),
            language="en",
            labels=(label_of(self._settings, "emotion", fields["Emotion"]),),
            source_id=key.rsplit("_", 1)[0],
        )

    def _folders(self, uri: str) -> tuple[str, tuple[str, ...]]:
        name = posixpath.basename(uri)
        for split, folders in self._settings.media.items():
            if name.startswith(split):
                return split, folders
        known = ", ".join(self._settings.media)
        raise UsageError(f"{uri}: a table of none of {known}; settings: media")


def _name(fields: Mapping[str, Any]) -> str:
    if not set(_COLUMNS) <= fields.keys():
        raise Refusal(Reason.FIELD_INVALID, "a row that breaks off")
    dialogue, turn = fields["Dialogue_ID"].strip(), fields["Utterance_ID"].strip()
    if not (dialogue.isdecimal() and turn.isdecimal()):
        raise Refusal(Reason.FIELD_INVALID, f"dialogue {dialogue[:20]!r}, utterance {turn[:20]!r}")
    return f"dia{dialogue}_utt{turn}"


def _clip(clips: Clips, folders: Sequence[str], name: str) -> str:
    found = [p for p in clips.named(name) if set(posixpath.dirname(p).split("/")) & set(folders)]
    if not found:
        detail = f"no {name}.mp4 in {' or '.join(folders)} of {clips.folder}; settings: media"
        raise Refusal(Reason.AUDIO_MISSING, detail)
    # Sound that someone extracted is read faster than the video it is from.
    return next((path for path in found if not path.endswith(".mp4")), found[0])
