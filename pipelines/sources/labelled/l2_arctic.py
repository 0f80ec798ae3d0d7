"""L2-ARCTIC: read English of 24 non-native speakers -> gender, first language (FlexiVoice A.2).

A folder a speaker, sentences of CMU ARCTIC, one file each::

    L2-ARCTIC/ABA/wav/arctic_a0001.wav
                  transcript/arctic_a0001.txt      Author of the danger trail, Philip Steels, etc
                  textgrid/, annotation/           phones and their errors; not read
    L2-ARCTIC/suitcase_corpus/                     stories told freely; left out

Gender and first language are in no file beside the audio; the settings have the corpus's table.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, Shard, list_inputs
from pipelines.sources.labelled.attribute_settings import L2ArcticSettings
from pipelines.sources.labelled.clips import Clips
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line, RefusedLine
from pipelines.sources.labelled.text_file import decode
from schemas import Label, Reason

_PATTERNS = ("*/transcript/*.txt", "transcript/*.txt")
_EXPECTED = "folders of speakers with wav/ and transcript/"


class L2ArcticLayout:
    """See the module; a shard is a speaker."""

    def __init__(self, settings: L2ArcticSettings) -> None:
        """Takes the settings; looks at nothing yet."""
        self._settings = settings

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        folders = {
            posixpath.dirname(posixpath.dirname(uri))
            for uri in list_inputs(inputs, _PATTERNS, _EXPECTED)
        }
        kept = sorted(f for f in folders if posixpath.basename(f) not in self._settings.skip)
        for folder in kept:
            speaker = posixpath.basename(folder)
            if speaker not in self._settings.speakers:
                known = ", ".join(sorted(self._settings.speakers))
                raise UsageError(
                    f"{folder}: {speaker} is no speaker of L2-ARCTIC ({known}); add it to "
                    "speakers of this source, or to skip"
                )
        if not kept:
            raise UsageError(f"{', '.join(inputs)}: nothing to read here; expected {_EXPECTED}")
        return [Shard(folder, "l2_arctic") for folder in kept]

    def prepare(self) -> None:
        """Nothing: the table of speakers is in the settings."""

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`.

        A recording without a transcript and a transcript without a recording are lines, too.
        """
        speaker = posixpath.basename(shard.uri)
        found = Clips(shard.uri)
        texts, clips = _stems(found.others, "transcript"), _stems(found.paths, "wav")
        for stem in sorted(texts | clips):
            key = f"{speaker}_{stem}"
            location = files.join(shard.uri, "transcript", f"{stem}.txt")
            try:
                yield Line(
                    key=key,
                    location=location,
                    audio=f"wav/{stem}.wav",
                    folder=shard.uri,
                    text=self._text(location) if stem in texts else None,
                    speaker=speaker,
                    language="en",
                    labels=self._labels(speaker),
                )
            except Refusal as refusal:
                yield RefusedLine(key, location, refusal)

    def _labels(self, speaker: str) -> tuple[Label, ...]:
        gender, first_language = self._settings.speakers[speaker]
        return (
            label_of(self._settings, "gender", gender),
            Label("first_language", first_language.lower()),
        )

    def _text(self, path: str) -> str:
        with files.open_read(path) as stream:
            content = stream.read()
        if not content:
            raise Refusal(Reason.TRANSCRIPT_EMPTY, "a transcript of zero bytes")
        text = decode(content, self._settings.encodings)
        if text is None:
            tried = ", ".join(self._settings.encodings)
            raise Refusal(Reason.TRANSCRIPT_INVALID, f"text in none of {tried}: settings.encodings")
        return text


def _stems(paths: Iterable[str], folder: str) -> set[str]:
    """Names of one folder's files, without suffix."""
    inside = (posixpath.split(posixpath.splitext(path)[0]) for path in paths)
    return {stem for where, stem in inside if where == folder}
