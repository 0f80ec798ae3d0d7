r"""A game's voice acting -> utterances with their characters.

Parquet export, one row a line (columns ``audio, ingame_filename, transcription, language, speaker,
voice_type``)::

    {"audio": {"bytes": b"RIFF…", "path": "1.wav"}, "transcription": "Hm? Back already?",
     "ingame_filename": "VO_friendship\VO_xingqiu\vo_xingqiu_dialog_greetingNight.wem",
     "language": "English(US)", "speaker": "Xingqiu", "voice_type": "Fetter"}

Raw dump, a ``result.json`` beside the audio files, keys by release::

    {"0586907bf153a66f.wav": {"fileName": "VO_GCG\vo_GCG_monster_01.wem", "guid": "4838…",
     "language": "English(US)", "text": "#{NICKNAME}, wait!", "talkRole": "Mei",
     "talkRoleType": "TALK_ROLE_NPC", "gameTrigger": "Card", "gameTriggerArgs": 101}}

Names of fields and languages are tables in the settings; fields not named there are ignored.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipelines.errors import UsageError
from pipelines.sources.audio_facts import clip_fields
from pipelines.sources.base import Refusal, Shard, list_inputs
from pipelines.sources.game_dump import DumpLine, parquet_lines, result_lines
from pipelines.sources.game_text import Player, UnspokenText, clean_text
from pipelines.sources.settings import GameVoiceSettings
from schemas import Reason, Rejection, Utterance

_PATTERNS = ("*.parquet", "result.json")
_EXPECTED = "*.parquet files, or a folder with result.json beside its audio"
_LAYOUTS = {".parquet": "parquet", ".json": "result_json"}
_UNFIT_IN_ID = re.compile(r"[^\w.-]+")


class _Spoken(NamedTuple):
    """What a line tells beside its audio."""

    id: str
    file_name: str
    speaker: str
    language: str
    text: str
    text_raw: str


class GameVoiceSource:
    """Reader of a game's voice acting, either layout."""

    def __init__(self, name: str, settings: GameVoiceSettings) -> None:
        """Takes the source's name and settings; loads nothing yet."""
        self.name = name
        self.settings = settings
        self._player = Player(settings.player_gender, settings.player_name)
        self._columns = frozenset(itertools.chain.from_iterable(settings.fields.values()))

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.base.Source`."""
        found = []
        for uri in list_inputs(inputs, _PATTERNS, _EXPECTED):
            layout = _LAYOUTS.get(posixpath.splitext(uri)[1])
            if layout is None:
                raise UsageError(f"{uri}: unknown layout; expected {_EXPECTED}")
            found.append(Shard(uri, layout))
        return found

    def prepare(self) -> None:
        """Nothing to load."""

    def read(self, shard: Shard, limit: int | None = None) -> Iterator[Utterance | Rejection]:
        """See :class:`pipelines.sources.base.Source`.

        Rejects for LANGUAGE_UNKNOWN, SPEAKER_MISSING, TEXT_EMPTY, FIELD_INVALID (a text with a
        placeholder for words that it does not give, too), DUPLICATE_ID and MEMBER_UNSAFE, for audio
        that is missing, empty, unreadable or cut, and TRANSCRIPT_INVALID where a result.json breaks
        off. The text is looked at first, then the id, then the audio.
        """
        return itertools.islice(self._read(shard), limit)

    def _read(self, shard: Shard) -> Iterator[Utterance | Rejection]:
        read_lines = parquet_lines if shard.layout == "parquet" else result_lines
        seen: set[str] = set()
        try:
            for line in read_lines(shard.uri, self._columns):
                yield self._judge(line, seen)
        except Refusal as refusal:
            yield refusal.rejection(shard.uri, shard.uri)

    def _judge(self, line: DumpLine, seen: set[str]) -> Utterance | Rejection:
        record_id = line.key
        try:
            if not line.fields:
                line.probe_clip()  # tells what is wrong with the entry or its path first
            spoken = self._spoken(line)
            record_id = spoken.id
            if record_id in seen:
                raise Refusal(Reason.DUPLICATE_ID, "the id came before in this file")
            utterance = self._utterance(line, spoken)
        except Refusal as refusal:
            return refusal.rejection(record_id, line.location)
        seen.add(record_id)
        return utterance

    def _spoken(self, line: DumpLine) -> _Spoken:
        language_name = self._field(line, "language")
        language = self.settings.languages.get(language_name.replace(" ", "").lower())
        if language is None:
            raise Refusal(Reason.LANGUAGE_UNKNOWN, f"language {language_name[:40]!r}")
        speaker_raw = self._field(line, "speaker")
        speaker = self._clean("speaker", speaker_raw, language)
        if not speaker or speaker_raw in self.settings.unknown_speakers:
            raise Refusal(Reason.SPEAKER_MISSING, f"speaker {speaker_raw[:40]!r}")
        text_raw = self._field(line, "text")
        text = self._clean("text", text_raw, language)
        if not text:
            raise Refusal(Reason.TEXT_EMPTY, f"text {text_raw[:40]!r} has no words")
        file_name = self._field(line, "file_name")
        record_id = line.key
        if not line.key_is_id and file_name:
            # The same file name stands for one line in every language.
            stem = posixpath.splitext(file_name)[0]
            record_id = f"{language}_{_UNFIT_IN_ID.sub('_', stem)}"
        return _Spoken(record_id, file_name, speaker, language, text, text_raw)

    def _field(self, line: DumpLine, field: str) -> str:
        names = self.settings.fields[field]
        name = next((name for name in names if line.fields.get(name) is not None), None)
        if name is None:
            return ""
        content = line.fields[name]
        if not isinstance(content, str):
            kind = type(content).__name__
            raise Refusal(Reason.FIELD_INVALID, f"{name}: a {kind}, expected a string")
        try:
            content.encode()
        except UnicodeEncodeError as error:
            raise Refusal(Reason.FIELD_INVALID, f"{name}: half a character") from error
        return content

    def _clean(self, field: str, text: str, language: str) -> str:
        try:
            return clean_text(text, language, self._player)
        except UnspokenText as error:
            detail = f"{field}: {error} stands for words that the text does not give"
            raise Refusal(Reason.FIELD_INVALID, detail) from error

    def _utterance(self, line: DumpLine, spoken: _Spoken) -> Utterance:
        facts, place = line.probe_clip()
        return Utterance(
            id=spoken.id,
            source=self.name,
            source_id=spoken.file_name or line.key,
            speaker=spoken.speaker,
            language=spoken.language,
            text=spoken.text,
            text_raw=spoken.text_raw,
            **clip_fields(facts, place),
            title=None,
            tags=(),
            character=spoken.speaker,
            game=self.settings.game,
            dnsmos=None,
            licence=self.settings.licence,
        )
