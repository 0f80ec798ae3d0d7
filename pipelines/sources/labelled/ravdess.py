r"""RAVDESS: a folder an actor, everything about a clip in its name.

::

    Actor_12/03-01-06-01-02-01-12.wav
             modality (03: audio only) - channel (01 speech, 02 song) - emotion - intensity -
             statement - repetition - actor (odd: male)

English; the two statements are in the settings. Songs and videos are rejected: the audio of a video
is the same take as the clip that is audio only.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from pipelines.sources.base import Refusal, Shard
from pipelines.sources.labelled.clips import Clips, folders_of_clips
from pipelines.sources.labelled.emotion_settings import RavdessSettings
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line, RefusedLine
from schemas import Label, Reason

_NAME = re.compile(r"\d{2}(-\d{2}){6}")
_EXPECTED = "RAVDESS's folders Actor_01 and so on with 03-01-06-01-02-01-12.wav"
_AUDIO_ONLY, _SPEECH = "03", "01"


class RavdessLayout:
    """See the module; a shard is an actor."""

    def __init__(self, settings: RavdessSettings) -> None:
        """Takes the corpus's settings."""
        self._settings = settings

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        return [Shard(folder, "ravdess") for folder in folders_of_clips(inputs, _NAME, _EXPECTED)]

    def prepare(self) -> None:
        """Nothing to load."""

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        for path in Clips(shard.uri).paths:
            if "/" in path:  # of a folder that is a shard of its own
                continue
            key, location = posixpath.splitext(path)[0], posixpath.join(shard.uri, path)
            try:
                yield self._line(key, location, path, shard.uri)
            except Refusal as refusal:
                yield RefusedLine(key, location, refusal)

    def _line(self, key: str, location: str, path: str, folder: str) -> Line:
        if _NAME.fullmatch(key) is None:
            raise Refusal(Reason.FIELD_INVALID, f"{key}: expected a name of seven numbers")
        modality, channel, emotion, intensity, statement, _, actor = key.split("-")
        if modality != _AUDIO_ONLY or channel != _SPEECH:
            detail = f"modality {modality}, channel {channel}; wanted is speech, audio only"
            raise Refusal(Reason.SOURCE_NOT_WANTED, detail)
        return Line(
            key=key,
            location=location,
            audio=path,
            folder=folder,
            text=self._settings.sentences.get(statement),
            speaker=f"Actor_{actor}",
            language="en",
            labels=(
                label_of(self._settings, "emotion", emotion),
                label_of(self._settings, "intensity", intensity),
                Label("gender", "male" if int(actor) % 2 else "female"),
            ),
        )
