r"""CREMA-D: every clip in one folder, what is said and how in its name.

::

    AudioWAV/1001_DFA_ANG_XX.wav        actor, sentence, emotion, level (LO MD HI; XX: not told)
    VideoDemographics.csv               ActorID,Age,Sex,Race,Ethnicity
                                        1001,51,Male,Caucasian,Not Hispanic

Ninety-one actors say twelve sentences, all in English; the sentences of the codes are in the
settings. Without the table of actors, age and gender are not labelled.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, Shard
from pipelines.sources.labelled.clips import Clips, folders_of_clips, seen_from
from pipelines.sources.labelled.emotion_settings import CremaDSettings
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line, RefusedLine
from pipelines.sources.labelled.table_rows import Row, table_rows
from schemas import Label, Reason

_NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_([A-Z0-9]{1,2})")
_EXPECTED = "CREMA-D's folder AudioWAV with 1001_DFA_ANG_XX.wav and so on"


class CremaDLayout:
    """See the module; a shard is a folder of clips."""

    def __init__(self, settings: CremaDSettings) -> None:
        """Takes the corpus's settings."""
        self._settings = settings

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        folders = folders_of_clips(inputs, _NAME, _EXPECTED)
        # The whole repository has the same clips as mp3, too.
        wavs = [folder for folder in folders if posixpath.basename(folder) == "AudioWAV"]
        for folder in wavs or folders:
            self._actors(folder)
        return [Shard(folder, "crema_d") for folder in wavs or folders]

    def prepare(self) -> None:
        """Nothing to load: the table of actors lies beside the clips."""

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        actors = self._actors(shard.uri)
        for path in Clips(shard.uri).paths:
            key = posixpath.splitext(posixpath.basename(path))[0]
            location = posixpath.join(shard.uri, path)
            try:
                yield self._line(key, path, shard.uri, actors)
            except Refusal as refusal:
                yield RefusedLine(key, location, refusal)

    def _line(
        self, key: str, path: str, folder: str, actors: Mapping[str, tuple[Label, ...]]
    ) -> Line:
        match = _NAME.fullmatch(key)
        if match is None:
            raise Refusal(Reason.FIELD_INVALID, f"{key}: expected a name like 1001_DFA_ANG_XX")
        actor, sentence, emotion, level = match.groups()
        labels = [label_of(self._settings, "emotion", emotion), *actors.get(actor, ())]
        if level not in ("XX", "X"):  # one clip of the release ends in _X
            labels.append(label_of(self._settings, "intensity", level))
        return Line(
            key=key,
            location=posixpath.join(folder, path),
            audio=path,
            folder=folder,
            text=self._settings.sentences.get(sentence),
            speaker=actor,
            language="en",
            labels=tuple(labels),
        )

    def _actors(self, folder: str) -> dict[str, tuple[Label, ...]]:
        """Actor -> labels, from the first table that is there.

        Raises:
            UsageError: it has not the columns ActorID, Age and Sex, or a sex that is in no table.
        """
        for name in self._settings.demographics:
            path = seen_from(f"{folder}/", name)
            if files.exists(path):
                return self._read_actors(path)
        return {}

    def _read_actors(self, path: str) -> dict[str, tuple[Label, ...]]:
        found: dict[str, tuple[Label, ...]] = {}
        for row in table_rows(path, self._settings.encodings):
            if not isinstance(row, Row):
                raise UsageError(f"{path}:{row[0]}: {row[1].detail}")
            fields = row.fields
            if not {"ActorID", "Age", "Sex"} <= fields.keys():
                raise UsageError(f"{path}:{row.number}: expected columns ActorID, Age and Sex")
            try:
                gender = label_of(self._settings, "gender", fields["Sex"])
            except Refusal as refusal:
                raise UsageError(f"{path}:{row.number}: {refusal.detail}") from refusal
            found[fields["ActorID"].strip()] = (gender, Label("age", fields["Age"].strip()))
        return found
