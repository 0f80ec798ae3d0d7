"""KeSpeech: Mandarin and eight subdialects -> accent, age and gender (FlexiVoice A.2, Table 6).

Kaldi's tables, one folder for each part of a task, audio and speakers beside them::

    KeSpeech/Tasks/ASR/train_phase1/wav.scp          1000001_2d0a31c1 Audio/1000001/phase1/….wav
                                    text             1000001_2d0a31c1 今天<SPOKEN_NOISE>天气不错
                                    utt2spk          1000001_2d0a31c1 1000001
                                    utt2subdialect   1000001_2d0a31c1 Zhongyuan
    KeSpeech/Metadata/spk2age                        1000001 34
                      spk2gender                     1000001 Male
    KeSpeech/Audio/1000001/phase1/1000001_2d0a31c1.wav

Paths of ``wav.scp`` are relative to ``KeSpeech``. Where age and gender are was not confirmed by the
corpus's own documents: ``age_table`` and ``gender_table`` say it, or that there are none.

``wav.scp`` leads: each of its lines is one utterance, and so is each line of ``text`` that has no
audio. A line of the speakers' tables that nobody speaks is nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, Shard
from pipelines.sources.labelled.attribute_settings import KeSpeechSettings
from pipelines.sources.labelled.kaldi import KaldiTable, small_table, survey, table_lines
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line, RefusedLine
from pipelines.sources.labelled.settings import plain_word
from schemas import Label, Reason

_LEAD = "wav.scp"
_TABLES = ("text", "utt2spk", "utt2subdialect")
# Where it may be below an input; the first pattern with a match counts. There is no deeper search:
# Audio, beside Tasks, has 27,000 folders that no one wants listed.
_PATTERNS = tuple(f"{above}{_LEAD}" for above in ("Tasks/ASR/*/", "*/Tasks/ASR/*/", "*/", ""))
_EXPECTED = f"the folder KeSpeech with Tasks/ASR/<part>/{_LEAD}"
_OLDEST = 120  # years; an age above is no age


@dataclass(frozen=True, slots=True)
class _Speakers:
    """What the corpus tells about its speakers; None: there is no such table."""

    ages: Mapping[str, str] | None
    genders: Mapping[str, str] | None


class KeSpeechLayout:
    """How KeSpeech lies on disk."""

    def __init__(self, settings: KeSpeechSettings) -> None:
        """Takes the settings; looks at nothing yet."""
        self._settings = settings
        self._groups = sorted((age, name) for name, age in settings.ages.items())
        self._unknown = {"", *map(plain_word, settings.unknown)}
        self._speakers: dict[str, _Speakers] = {}  # by corpus

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`: one shard for each part."""
        if not inputs:
            raise UsageError(f"no input path given; expected {_EXPECTED}")
        folders = {folder for path in inputs for folder in _parts(path)}
        wanted = self._settings.parts
        if wanted is not None:
            there = {posixpath.basename(folder) for folder in folders}
            if missing := sorted(set(wanted) - there):
                raise UsageError(
                    f"KeSpeech: no part {', '.join(missing)}, only {', '.join(sorted(there))}; "
                    "set parts to those that are there, or leave it out"
                )
            folders = {folder for folder in folders if posixpath.basename(folder) in wanted}
        for folder in folders:
            for name in _TABLES:
                if not files.exists(files.join(folder, name)):
                    raise UsageError(f"{folder}: no file {name}; KeSpeech has it beside {_LEAD}")
        for root in {_root(folder) for folder in folders}:
            for setting in ("age_table", "gender_table"):
                self._table(root, setting)
        return [Shard(folder, "kespeech_part") for folder in sorted(folders)]

    def prepare(self) -> None:
        """Nothing: the speakers' tables are loaded with the first part of their corpus."""

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        encodings = self._settings.encodings
        root, lead = _root(shard.uri), files.join(shard.uri, _LEAD)
        speakers = self._speakers_of(root)
        facts = survey(lead, encodings)
        text, speaker, accent = (
            KaldiTable(files.join(shard.uri, name), encodings, lead_is_sorted=facts.is_sorted)
            for name in _TABLES
        )
        for line in table_lines(lead, facts.encoding):
            location = f"{lead}:{line.number}"
            said, who, where = (table.find(line.key) for table in (text, speaker, accent))
            try:
                if not line.value or line.value.endswith("|"):
                    detail = f"{_LEAD}: {line.value[:80]!r} is not the path of a file"
                    raise Refusal(Reason.FIELD_INVALID, detail)
                yield Line(
                    key=line.key,
                    location=location,
                    audio=line.value,
                    folder=root,
                    text=None if said is None else self._spoken(said),
                    text_raw=said,
                    speaker=who,
                    language="zh",
                    labels=self._labels(where, who, speakers),
                )
            except Refusal as refusal:
                yield RefusedLine(line.key, location, refusal)
        for left in text.unasked():
            missing = Refusal(Reason.AUDIO_MISSING, f"a transcript that {_LEAD} has no line for")
            yield RefusedLine(left.key, f"{text.uri}:{left.number}", missing)

    def _spoken(self, text: str) -> str:
        for mark in self._settings.marks:
            text = text.replace(mark, "")
        return text

    def _labels(
        self, accent: str | None, speaker: str | None, speakers: _Speakers
    ) -> tuple[Label, ...]:
        if accent is None:
            raise Refusal(Reason.LABEL_UNKNOWN, "accent: utt2subdialect has no line for it")
        found = [label_of(self._settings, "accent", accent)]
        if speaker is not None:  # without one it is refused anyway, for that
            age = self._told(speakers.ages, speaker, "age")
            if age is not None:
                found.append(self._age(age))
            gender = self._told(speakers.genders, speaker, "gender")
            if gender is not None:
                found.append(label_of(self._settings, "gender", gender))
        return tuple(found)

    def _told(self, table: Mapping[str, str] | None, speaker: str, label: str) -> str | None:
        if table is None:
            return None
        word = table.get(speaker)
        if word is None:
            setting = f"{label}_table"
            detail = f"{label}: no line for speaker {speaker[:40]!r}; settings: {setting}"
            raise Refusal(Reason.LABEL_UNKNOWN, detail)
        return None if plain_word(word) in self._unknown else word

    def _age(self, word: str) -> Label:
        if not (word.isascii() and word.isdecimal()):
            return label_of(self._settings, "age", word)
        years = int(word[:9])
        names = [name for youngest, name in self._groups if youngest <= years]
        if not names or years > _OLDEST:
            raise Refusal(Reason.LABEL_UNKNOWN, f"age {word[:9]} is in no group; settings: ages")
        return Label("age", names[-1])

    def _speakers_of(self, root: str) -> _Speakers:
        if root not in self._speakers:
            tables = (self._table(root, setting) for setting in ("age_table", "gender_table"))
            ages, genders = (
                None if uri is None else small_table(uri, self._settings.encodings)
                for uri in tables
            )
            self._speakers[root] = _Speakers(ages, genders)
        return self._speakers[root]

    def _table(self, root: str, setting: str) -> str | None:
        name: str | None = getattr(self._settings, setting)
        if name is None:
            return None
        uri = files.join(root, name)
        if not files.exists(uri):
            raise UsageError(f"{uri}: no such file; set {setting} of this source, null for none")
        return uri


def _parts(path: str) -> list[str]:
    """The folders of Tasks/ASR behind one input; other tasks have a wav.scp, too."""
    path = path.rstrip("/")
    if not files.exists(path):
        raise UsageError(f"{path}: no such file or folder")
    for pattern in _PATTERNS:
        if "://" in path:
            found = files.list_files(files.join(path, pattern))
        else:
            found = [str(one) for one in Path(path).glob(pattern)]
        folders = [posixpath.dirname(uri) for uri in found]
        parts = [f for f in folders if posixpath.basename(posixpath.dirname(f)) == "ASR"]
        if parts:
            return parts
    raise UsageError(f"{path}: no KeSpeech here; expected {_EXPECTED}")


def _root(part: str) -> str:
    """The corpus that a folder Tasks/ASR/<part> is in."""
    return posixpath.dirname(posixpath.dirname(posixpath.dirname(part))) or "."
