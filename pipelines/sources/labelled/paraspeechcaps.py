"""ParaSpeechCaps: style tags and descriptions for the audio of four other corpora (FlexiVoice A.2).

Parquet files as the hub has them, or the same rows as JSON lines; no audio::

    data/train_scaled-00000-of-00002.parquet   data/train_base-00000-of-00001.parquet
    data/dev-00000-of-00001.parquet            data/holdout-00000-of-00001.parquet

    {"source": "expresso", "relative_audio_path": "audio_48khz/read/ex01/happy/base/ex01_0001.wav",
     "text_description": ["A man speaks happily …", "A flowing male voice …"],
     "transcription": "Is it over already?", "intrinsic_tags": ["flowing"],
     "situational_tags": ["happy"], "basic_tags": ["male", "measured speed"],
     "all_tags": ["flowing", "happy", "male", "measured speed"], "speakerid": "ex01",
     "name": "ex01", "duration": 2.31, "gender": "male", "accent": "american",
     "pitch": "medium-pitched", "speaking_rate": "measured speed",
     "noise": "very clean environment", "utterance_pitch_mean": 148.2, "snr": 61.9,
     "phonemes": "ɪz ɪt oʊvɚ ɔlɹɛdi"}

``relative_audio_path`` is below the root of its source: ``roots`` has VoxCeleb's, Expresso's,
EARS' and Emilia's (the folders of mp3 files, not the tars). The tags and ``accent`` may be null.

The feature dictionary becomes labels, a tag a label; ``basic_tags`` and ``all_tags`` say the same
again and are not kept. All descriptions are kept in ``description``, one a line.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, Shard, list_inputs
from pipelines.sources.labelled.attribute_settings import ParaSpeechCapsSettings
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line, RefusedLine
from pipelines.sources.labelled.row_stream import Row, read_rows
from pipelines.sources.wenetspeech_fields import text_field
from schemas import Label, Reason

_PATTERNS = ("*.parquet", "*.jsonl")
_EXPECTED = "<split>-00000-of-00001.parquet or <split>.jsonl of ParaSpeechCaps"
_NUMBERS = re.compile(r"-\d+-of-\d+$")
_COLUMNS = ("source", "relative_audio_path", "transcription", "speakerid", "text_description")


class ParaSpeechCapsLayout:
    """See the module; a shard is a file of rows."""

    def __init__(self, settings: ParaSpeechCapsSettings) -> None:
        """Takes the settings; looks at nothing yet."""
        self._settings = settings
        self._roots = {name.lower(): root for name, root in settings.roots.items()}
        wanted = settings.sources
        self._wanted = None if wanted is None else frozenset(name.lower() for name in wanted)

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        if not self._roots:
            raise UsageError(
                "ParaSpeechCaps has no audio of its own: set roots of this source, "
                "{voxceleb: DIR, expresso: DIR, ears: DIR, emilia: DIR}"
            )
        for name in sorted(self._wanted or ()):
            self._root(name, "sources")
        for name, root in sorted(self._roots.items()):
            if not files.exists(root):
                raise UsageError(f"{root}: no such folder; it is roots.{name} of this source")
        found = list_inputs(inputs, _PATTERNS, _EXPECTED)
        splits = self._settings.splits
        kept = [uri for uri in found if splits is None or _split(uri) in splits]
        if not kept:
            there = ", ".join(sorted({_split(uri) for uri in found}))
            raise UsageError(
                f"{', '.join(inputs)}: files of {there}, none of {', '.join(splits or ())}; "
                "set splits of this source, null for all"
            )
        return [Shard(uri, posixpath.splitext(uri)[1][1:]) for uri in kept]

    def prepare(self) -> None:
        """Nothing to load."""

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`.

        Raises:
            UsageError: also where a row's source has no root.
        """
        columns = (*_COLUMNS, *self._settings.features)
        for row in read_rows(shard.uri, columns, setting="features"):
            if isinstance(row, RefusedLine):
                yield row
                continue
            key = f"{posixpath.basename(shard.uri)}:{row.number}"
            try:
                path = text_field(row.fields, "relative_audio_path")
                source = text_field(row.fields, "source").lower()
                key = f"{source}/{posixpath.splitext(path)[0]}"
                if self._wanted is not None and source not in self._wanted:
                    raise Refusal(Reason.SOURCE_NOT_WANTED, f"source {source!r}")
                yield self._line(key, path, self._root(source, row.location), row)
            except Refusal as refusal:
                yield RefusedLine(key, row.location, refusal)

    def _line(self, key: str, path: str, root: str, row: Row) -> Line:
        return Line(
            key=key,
            location=row.location,
            audio=path,
            folder=root,
            text=_text(row.fields, "transcription"),
            speaker=_text(row.fields, "speakerid"),
            language="en",
            labels=tuple(self._labels(row.fields)),
            description="\n".join(_texts(row.fields, "text_description")) or None,
        )

    def _labels(self, fields: Mapping[str, object]) -> Iterator[Label]:
        for column, name in self._settings.features.items():
            for text in _texts(fields, column):
                yield label_of(self._settings, name, text)

    def _root(self, source: str, where: str) -> str:
        root = self._roots.get(source)
        if root is None:
            raise UsageError(
                f"{where}: no folder for the audio of {source[:40]!r}; set roots.{source[:40]} of "
                "this source, or sources without it"
            )
        return root


def _text(fields: Mapping[str, object], name: str) -> str | None:
    """A text, empty ones too; None for null."""
    if fields[name] is None:
        return None
    return "" if fields[name] == "" else text_field(fields, name)


def _texts(fields: Mapping[str, object], name: str) -> list[str]:
    """A text or number, or a list of them, blanks made one; nothing for null and empty ones.

    >>> _texts({"tags": ["deep ", "", "slow  voice"]}, "tags"), _texts({"pitch": 148.25}, "pitch")
    (['deep', 'slow voice'], ['148.25'])
    """
    value = fields.get(name)
    texts = []
    for one in value if isinstance(value, list) else [value]:
        if type(one) in (int, float):
            texts.append("" if one != one else f"{one:.6g}")  # nan: not measured
        elif one not in (None, ""):
            texts.append(" ".join(text_field({name: one}, name).split()))
    return [text for text in texts if text]


def _split(uri: str) -> str:
    """The split that a file is of, by its name; the folder's where it has but a number.

    >>> [_split(f"data/{name}") for name in ("train_base-00000-of-00001.parquet", "dev.jsonl")]
    ['train_base', 'dev']
    >>> _split("default/holdout/0000.parquet")
    'holdout'
    """
    stem = _NUMBERS.sub("", posixpath.splitext(posixpath.basename(uri))[0])
    return posixpath.basename(posixpath.dirname(uri)) if stem.isdecimal() else stem
