"""A labelled corpus -> utterances: the layout gives lines, here they are judged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from pipelines.sources.audio_facts import clip_fields
from pipelines.sources.base import Refusal, Shard
from pipelines.sources.clip_file import probe_file
from pipelines.sources.labelled.line import Layout, Line, RefusedLine
from pipelines.sources.labelled.settings import LabelledSettings
from schemas import Reason, Rejection, Utterance


class LabelledSource:
    """Reader of one labelled corpus; see :class:`pipelines.sources.base.Source`."""

    def __init__(self, name: str, settings: LabelledSettings, layout: Layout) -> None:
        """Takes the source's name and settings, and how the corpus lies; loads nothing yet."""
        self.name = name
        self.settings = settings
        self._layout = layout
        self._is_prepared = False

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.base.Source`."""
        return self._layout.shards(inputs)

    def prepare(self) -> None:
        """Loads the layout's tables."""
        if not self._is_prepared:
            self._layout.prepare()
            self._is_prepared = True

    def read(self, shard: Shard, limit: int | None = None) -> Iterator[Utterance | Rejection]:
        """See :class:`pipelines.sources.base.Source`.

        Rejects what the layout refuses (LABEL_UNKNOWN, FIELD_INVALID, ...), then DUPLICATE_ID,
        LANGUAGE_UNKNOWN, SPEAKER_MISSING, TRANSCRIPT_MISSING, TEXT_EMPTY, FIELD_INVALID (half a
        character), and last, by a look at the file, MEMBER_UNSAFE and audio that is missing,
        empty, unreadable or cut.
        """
        self.prepare()
        return itertools.islice(self._read(shard), limit)

    def _read(self, shard: Shard) -> Iterator[Utterance | Rejection]:
        seen: set[str] = set()
        try:
            for line in self._layout.lines(shard):
                if isinstance(line, RefusedLine):
                    yield line.refusal.rejection(line.key, line.location)
                else:
                    yield self._judge(line, seen)
        except Refusal as refusal:
            yield refusal.rejection(shard.uri, shard.uri)

    def _judge(self, line: Line, seen: set[str]) -> Utterance | Rejection:
        record_id = line.key
        try:
            if not record_id:
                raise Refusal(Reason.FIELD_INVALID, "an empty id")
            if record_id in seen:
                raise Refusal(Reason.DUPLICATE_ID, "the id came before in this file")
            utterance = self._utterance(record_id, line)
        except Refusal as refusal:
            return refusal.rejection(record_id, line.location)
        seen.add(record_id)
        return utterance

    def _utterance(self, record_id: str, line: Line) -> Utterance:
        language = self.settings.language(line.language)
        if language is None:
            detail = f"language {line.language[:40]!r} is in no table; settings: languages"
            raise Refusal(Reason.LANGUAGE_UNKNOWN, detail)
        speaker = (line.speaker or "").strip()
        if not speaker:
            raise Refusal(Reason.SPEAKER_MISSING, "the corpus names no speaker")
        if line.text is None:
            raise Refusal(Reason.TRANSCRIPT_MISSING, "the corpus has no transcript of the clip")
        text_raw = line.text if line.text_raw is None else line.text_raw
        text = " ".join(line.text.split())
        if not any(character.isalnum() for character in text):
            raise Refusal(Reason.TEXT_EMPTY, f"text {text_raw[:40]!r} has no words")
        _check_characters(record_id, text_raw, speaker, line.description or "", line.audio)
        if line.probe_clip is not None:
            facts, place = line.probe_clip()
        else:
            facts, place = probe_file(line.folder, line.audio)
        return Utterance(
            id=record_id,
            source=self.name,
            source_id=line.source_id or record_id,
            speaker=speaker,
            language=language,
            text=text,
            text_raw=text_raw,
            **clip_fields(facts, place),
            title=line.title,
            tags=line.tags,
            character=None,
            game=None,
            dnsmos=None,
            licence=self.settings.licence,
            labels=tuple(sorted(set(line.labels), key=lambda label: (label.name, label.value))),
            description=line.description,
        )


def _check_characters(*texts: str) -> None:
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Refusal(Reason.FIELD_INVALID, f"{text[:40]!r}: half a character") from error
