"""From one checked row and its probed clip to an utterance, or to the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.audio_place import AudioPlace
from pipelines.sources.audio_facts import AudioFacts, AudioUnreadable, clip_fields
from pipelines.sources.audio_probe import probe
from pipelines.sources.base import Refusal
from pipelines.sources.emilia_row import EmiliaRow, check_row
from pipelines.sources.settings import EmiliaSettings
from pipelines.sources.sidecar import Sidecar
from schemas import Reason, Utterance


class Judge:
    """Judges the utterances of one shard; knows the ids that the shard has had."""

    def __init__(self, source: str, settings: EmiliaSettings, sidecar: Sidecar) -> None:
        """Takes the source's name, its tolerances, and where titles are."""
        self._source = source
        self._licence = settings.licence
        self._tolerance = settings.duration_tolerance_s
        self._tolerance_share = settings.duration_tolerance_share
        self._sidecar = sidecar
        # One string an utterance of the shard, 0.1 kB each: shards hold tens of thousands.
        self._seen: set[str] = set()

    def is_duplicate(self, utterance_id: str) -> bool:
        """Whether the shard has had a good utterance of that id."""
        return utterance_id in self._seen

    def row(self, fields: Mapping[str, Any]) -> EmiliaRow:
        """The checked row of a transcript.

        Raises:
            Refusal: it cannot be used, or its id came before.
        """
        row = check_row(fields)
        if row.id in self._seen:
            raise Refusal(Reason.DUPLICATE_ID, "the id came before in this file", row.duration)
        return row

    def utterance(
        self,
        row: EmiliaRow,
        facts: AudioFacts,
        place: AudioPlace,
        read_whole: Callable[[], bytes],
    ) -> Utterance:
        """The utterance; ``read_whole`` gives the clip where its head leaves doubt.

        Measured and stated duration may differ by the tolerance, and not by more.

        Raises:
            Refusal: AUDIO_TRUNCATED or DURATION_MISMATCH, or AUDIO_UNREADABLE on a second look.
        """
        allowed = max(self._tolerance, self._tolerance_share * row.duration)
        if facts.is_estimate and abs(facts.duration - row.duration) > allowed:
            try:
                facts = probe(whole := read_whole(), len(whole), lambda: whole)
            except AudioUnreadable as error:
                raise Refusal(Reason.AUDIO_UNREADABLE, str(error), row.duration) from error
        surplus = facts.duration - row.duration
        if abs(surplus) > allowed:
            reason = Reason.AUDIO_TRUNCATED if surplus < 0 else Reason.DURATION_MISMATCH
            detail = f"{facts.duration:.3f} s of audio where {row.duration:.3f} s are stated"
            raise Refusal(reason, detail, row.duration)
        self._seen.add(row.id)
        metadata = self._sidecar.find(row.source_id)
        if metadata is None and row.speaker != row.source_id:
            metadata = self._sidecar.find(row.speaker)
        return Utterance(
            id=row.id,
            source=self._source,
            source_id=row.source_id,
            speaker=row.speaker,
            language=row.language,
            text=row.text,
            text_raw=row.text_raw,
            **clip_fields(facts, place),
            title=metadata.title if metadata else None,
            tags=metadata.tags if metadata else (),
            character=None,
            game=None,
            dnsmos=row.dnsmos,
            licence=self._licence,
        )
