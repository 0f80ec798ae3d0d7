"""The ledger: every video that could not be had, with its cause; JSON lines and Parquet.

Lines are appended and synced as videos are given up, so that a killed run loses none. When a run
ends the file is written anew, one line an episode in order of its id, with the same rows as Parquet
beside it: the ledger of the same facts has the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from pipelines import files
from pipelines.errors import StageFailed
from pipelines.fetching.causes import Cause
from schemas import table_of
from schemas.arrow import column
from schemas.episode import Episode

JSON_LINES = "ledger.jsonl"
PARQUET = "ledger.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One episode whose video could not be had."""

    episode_id: str = column("WenetSpeech aid")
    video_id: str = column("id of the video, taken from the URL")
    url: str = column("where the video was asked for")
    cause: Cause = column("one of pipelines.fetching.causes.Cause")
    detail: str = column("what was said or found, for a person to read")
    attempts: int = column("times the video was asked for; 0 where only folders were looked into")
    duration: float = column("seconds, as the corpus says")
    video_duration: float | None = column("seconds, measured on the video; None without one")
    sentences: int = column("sentences lost with it")


def entry_of(
    episode: Episode,
    cause: Cause,
    detail: str,
    *,
    attempts: int,
    video_duration: float | None = None,
) -> LedgerEntry:
    """The ledger's entry for an episode."""
    return LedgerEntry(
        episode_id=episode.id,
        video_id=episode.video_id,
        url=episode.url,
        cause=cause,
        detail=detail,
        attempts=attempts,
        duration=episode.duration,
        video_duration=video_duration,
        sentences=len(episode.sentences),
    )


class Ledger:
    """The entries of one media folder. One process at a time may write it."""

    def __init__(self, folder: Path) -> None:
        """Reads what earlier runs left in the folder.

        Raises:
            StageFailed: a line other than the last is not an entry.
        """
        self._folder = folder
        self._path = folder / JSON_LINES
        self._entries: dict[str, LedgerEntry] = {}
        self._load()

    def find(self, episode: Episode) -> LedgerEntry | None:
        """What is known about an episode; None where the ledger says nothing about this URL."""
        entry = self._entries.get(episode.id)
        return entry if entry is not None and entry.url == episode.url else None

    def add(self, entry: LedgerEntry) -> None:
        """Enters an episode, in place of what was said about it before."""
        if self._entries.get(entry.episode_id) == entry:
            return
        self._entries[entry.episode_id] = entry
        with self._path.open("ab") as stream:
            stream.write(_line(entry))
            stream.flush()
            os.fsync(stream.fileno())

    def strike(self, episode_id: str) -> None:
        """Takes an episode out: its video is there now. The file shows it after :meth:`close`."""
        self._entries.pop(episode_id, None)

    def close(self) -> None:
        """Writes both files anew, in order."""
        self._rewrite()
        rows = table_of(LedgerEntry, self._ordered())
        with files.atomic_write(str(self._folder / PARQUET)) as stream:
            pq.write_table(rows, stream, compression="zstd")

    def _ordered(self) -> list[LedgerEntry]:
        return [self._entries[episode_id] for episode_id in sorted(self._entries)]

    def _rewrite(self) -> None:
        with files.atomic_write(str(self._path)) as stream:
            stream.write(b"".join(_line(entry) for entry in self._ordered()))

    def _load(self) -> None:
        if not self._path.is_file():
            return
        lines = self._path.read_bytes().split(b"\n")
        # Without its line break, the last line is one that a killed run was writing.
        torn = lines.pop()
        for number, line in enumerate(lines, 1):
            try:
                fields = json.loads(line)
                entry = LedgerEntry(**{**fields, "cause": Cause(fields["cause"])})
            except (ValueError, TypeError, KeyError) as error:
                raise StageFailed(
                    f"{self._path}: line {number} is not an entry of a ledger ({error}); "
                    "remove the file to ask for every video again"
                ) from error
            self._entries[entry.episode_id] = entry
        if torn:
            self._rewrite()


def _line(entry: LedgerEntry) -> bytes:
    text = json.dumps(dataclasses.asdict(entry), ensure_ascii=False, sort_keys=True)
    return text.encode("utf-8", "backslashreplace") + b"\n"
