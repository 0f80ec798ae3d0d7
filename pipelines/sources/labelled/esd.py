r"""ESD: a folder a speaker, in it a text file and a folder an emotion.

::

    Emotion Speech Dataset/              (or without this folder, or with _ for the blanks)
      0001/0001.txt                      0001_000351	打远一看，它们的确很是美丽，	生气
      0001/Angry/0001_000351.wav         (or 0001/Angry/train/0001_000351.wav, test, evaluation)

A line of the text file is ``id <tab> text <tab> emotion``. 0001 to 0010 speak Chinese, 0011 to
0020 English; each says 350 sentences in five emotions, line i of every emotion being the same
sentence. The text files are in UTF-8, UTF-16 or GB18030, and some name the emotions in Chinese.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from pipelines.sources.base import Refusal, Shard, list_inputs
from pipelines.sources.labelled.clips import Clips
from pipelines.sources.labelled.emotion_settings import EsdSettings
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line, RefusedLine
from pipelines.sources.labelled.text_file import read_text
from schemas import Reason

_PATTERN = "[0-9][0-9][0-9][0-9]/[0-9][0-9][0-9][0-9].txt"
_EXPECTED = "ESD's folders: 0001/0001.txt beside 0001/Angry/0001_000351.wav"


class EsdLayout:
    """See the module; a shard is a speaker."""

    def __init__(self, settings: EsdSettings) -> None:
        """Takes the corpus's settings."""
        self._settings = settings

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        found = list_inputs(inputs, [_PATTERN], _EXPECTED)
        for uri in found:
            read_text(uri, self._settings.encodings)  # a wrong encoding is found before any work
        return [Shard(uri, "esd") for uri in found]

    def prepare(self) -> None:
        """Nothing to load."""

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        folder = posixpath.dirname(shard.uri)
        speaker = posixpath.splitext(posixpath.basename(shard.uri))[0]
        clips = Clips(folder)
        text = read_text(shard.uri, self._settings.encodings)
        told: set[str] = set()
        for number, row in enumerate(text.splitlines(), start=1):
            if not row.strip():
                continue
            location = f"{shard.uri}:{number}"
            key, *fields = (field.strip() for field in row.rstrip().split("\t"))
            told.add(key)
            try:
                if len(fields) != 2:
                    detail = f"{len(fields) + 1} fields, expected id, text and emotion by tabs"
                    raise Refusal(Reason.FIELD_INVALID, detail)
                yield self._line(key, location, fields, speaker, clips)
            except Refusal as refusal:
                yield RefusedLine(key, location, refusal)
        for key in sorted(clips.stems - told):
            unsaid = Refusal(Reason.TRANSCRIPT_MISSING, f"{key} is not in {shard.uri}")
            yield RefusedLine(key, posixpath.join(folder, clips.named(key)[0]), unsaid)

    def _line(
        self,
        key: str,
        location: str,
        fields: Sequence[str],
        speaker: str,
        clips: Clips,
    ) -> Line:
        text, word = fields
        label = label_of(self._settings, "emotion", word)
        paths = clips.named(key)
        if not paths:
            raise Refusal(Reason.AUDIO_MISSING, f"no file {key}.wav in {clips.folder}")
        told = self._settings.word("emotion", paths[0].split("/")[0])
        if told not in (None, label.value):
            detail = f"emotion {word!r} in the text, but the clip is {paths[0]}"
            raise Refusal(Reason.FIELD_INVALID, detail)
        return Line(
            key=key,
            location=location,
            audio=paths[0],
            folder=clips.folder,
            text=text,
            speaker=speaker,
            language=speaker,
            labels=(label,),
        )
