"""Audio of examples inside the page, within a budget: a report must open on a phone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.audio_bytes import AudioLost, AudioPlace, AudioReader
from pipelines.errors import StageFailed

PLAYERS = 12  # on the page
PAGE_BYTES = 750_000  # of encoded audio on the page: 1 MB as base64
PACKED_BYTES = 64 << 20  # of a tar.gz unpacked at most to get to one clip
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
}


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Encoded audio small enough to travel inside the page."""

    media_type: str
    content: bytes


class SoundBudget:
    """Hands out audio until there is enough; an example without is shown without."""

    def __init__(
        self, reader: AudioReader, players: int = PLAYERS, content_bytes: int = PAGE_BYTES
    ) -> None:
        """Starts with nothing spent."""
        self._reader, self._players, self._bytes = reader, players, content_bytes

    def load(self, row: Mapping[str, Any]) -> tuple[Sound | None, str | None]:
        """The audio of a row of utterances, or why there is none although it was within budget.

        A report is read long after a run, often where the raw dump is not mounted. That is worth
        a word beside the example, not a failed report.
        """
        media_type, size = MEDIA_TYPES.get(row["audio_format"]), row["audio_size"]
        if media_type is None or not self._players or size > self._bytes:
            return None, None
        place = AudioPlace.of(row)
        if place.container == "tar.gz" and place.offset + place.size > PACKED_BYTES:
            return None, None
        try:
            content = self._reader.read(place)
        except (AudioLost, StageFailed) as error:
            return None, str(error)
        self._players, self._bytes = self._players - 1, self._bytes - size
        return Sound(media_type=media_type, content=content), None
