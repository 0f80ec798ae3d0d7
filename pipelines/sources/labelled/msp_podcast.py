r"""MSP-Podcast: one table of consensus labels, clips and transcripts by name.

::

    Labels/labels_consensus.csv     FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set
                                    MSP-PODCAST_0001_0008.wav,N,2.0,4.0,3.0,127,Female,Test1
    Audios/MSP-PODCAST_0001_0008.wav
    Transcripts/MSP-PODCAST_0001_0008.txt

English. The first column is the file, the second the class: A S H U F D C N, and O (another) and
X (no agreement), which are counted rejections.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, Shard, escapes, list_inputs
from pipelines.sources.labelled.clips import Clips, seen_from
from pipelines.sources.labelled.emotion_settings import MspPodcastSettings
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line, RefusedLine
from pipelines.sources.labelled.table_rows import Row, columns_of, table_rows
from pipelines.sources.labelled.text_file import decode
from schemas import Reason

_TABLE = "labels_consensus.csv"
_EXPECTED = f"MSP-Podcast's Labels/{_TABLE} beside Audios/ and Transcripts/"


class MspPodcastLayout:
    """See the module; the table is the one shard."""

    def __init__(self, settings: MspPodcastSettings) -> None:
        """Takes the corpus's settings."""
        self._settings = settings

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        found = list_inputs(inputs, [_TABLE], _EXPECTED)
        for uri in found:
            columns = columns_of(uri, self._settings.encodings)
            wanted = {self._settings.speaker_column}
            if len(columns) < 2 or not wanted <= set(columns):
                raise UsageError(
                    f"{uri}: columns {', '.join(columns) or 'none'}; expected the file, the class "
                    f"and {', '.join(wanted)} (settings: speaker_column)"
                )
            texts = seen_from(uri, self._settings.transcript_folder)
            if not files.exists(texts):
                raise UsageError(f"{texts}: no such folder (settings: transcript_folder)")
        return [Shard(uri, "msp_podcast") for uri in found]

    def prepare(self) -> None:
        """Nothing to load."""

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        texts = Clips(seen_from(shard.uri, self._settings.transcript_folder))
        audio = seen_from(shard.uri, self._settings.audio_folder)
        for row in table_rows(shard.uri, self._settings.encodings):
            number = row.number if isinstance(row, Row) else row[0]
            key, location = f"row{number}", f"{shard.uri}:{number}"
            try:
                if not isinstance(row, Row):
                    raise row[1]
                name = str(next(iter(row.fields.values()))).strip()
                key = posixpath.splitext(name)[0]
                yield self._line(key, location, name, row, audio, texts)
            except Refusal as refusal:
                yield RefusedLine(key, location, refusal)

    def _line(self, key: str, location: str, name: str, row: Row, audio: str, texts: Clips) -> Line:
        values = list(row.fields.values())
        if len(values) < 2:
            raise Refusal(Reason.FIELD_INVALID, "a row without a class")
        labels = [label_of(self._settings, "emotion", values[1])]
        if escapes(name):
            raise Refusal(Reason.MEMBER_UNSAFE, f"{name[:200]}: its path leaves the folder")
        gender = row.fields.get(self._settings.gender_column, "").strip()
        if gender not in self._settings.unknown:
            labels.append(label_of(self._settings, "gender", gender))
        speaker = row.fields.get(self._settings.speaker_column, "").strip()
        return Line(
            key=key,
            location=location,
            audio=name,
            folder=audio,
            text=self._text(texts, f"{key}.txt"),
            speaker=None if speaker in self._settings.unknown else speaker,
            language="en",
            labels=tuple(labels),
            source_id=key.rsplit("_", 1)[0],
        )

    def _text(self, texts: Clips, path: str) -> str | None:
        if path not in texts.others:
            return None
        text = decode(texts.read(path), self._settings.encodings)
        if text is None:
            detail = f"{path}: in none of {', '.join(self._settings.encodings)}"
            raise Refusal(Reason.TRANSCRIPT_INVALID, detail)
        return text
