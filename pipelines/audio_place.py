"""Where a clip's encoded bytes lie: named by ingest, read again by whoever needs the sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast


class AudioPlace(NamedTuple):
    """Where one utterance's encoded audio lies; the fields are those of ``Utterance``."""

    uri: str
    container: str  # file | tar | tar.gz | parquet
    member: str | None
    offset: int  # byte in the file, byte in the unpacked stream (tar.gz), or row (parquet)
    size: int  # bytes

    @classmethod
    def of(cls, row: Mapping[str, object]) -> AudioPlace:
        """The place that a row of utterances names."""
        return cls(
            uri=cast(str, row["audio_uri"]),
            container=cast(str, row["audio_container"]),
            member=cast("str | None", row["audio_member"]),
            offset=cast(int, row["audio_offset"]),
            size=cast(int, row["audio_size"]),
        )

    def __str__(self) -> str:
        """For a person: the file, and what inside it."""
        return self.uri if self.member is None else f"{self.uri}:{self.member}"
