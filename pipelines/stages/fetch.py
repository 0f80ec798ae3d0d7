"""Episodes -> the same with their video (MCLP 5.1)."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from pipelines.fetching.fetch import fetch_episodes, rejections_of
from pipelines.fetching.ledger import LedgerEntry
from pipelines.fetching.settings import FetchSettings
from pipelines.stage import Block, TableStage, Tally
from pipelines.stages.episode_rows import EPISODES_PER_CHUNK, tally_sentences
from schemas import Episode, Rejection, record_of, table_of


class FetchStage(TableStage):
    """Episodes -> the same with video, audio and title. Rejects those without a video.

    Uses the network, one request at a time: run it on one worker, however many there are.
    """

    name = "fetch"
    unit = "sentence"
    record_type = Episode
    chunk_rows = EPISODES_PER_CHUNK

    def __init__(
        self, source: str, settings: FetchSettings, media: str, limit: int | None = None
    ) -> None:
        """Takes the folder that videos and the ledger go to."""
        super().__init__(source)
        self.limit = limit
        self._settings, self._media = settings, media

    def transform(self, chunk: pa.Table) -> Block:
        """Fetches one chunk's videos, those that are not there yet."""
        episodes = [record_of(Episode, row) for row in chunk.to_pylist()]
        fetched: list[Episode] = []
        rejections: list[Rejection] = []
        counts = Counter({"audios_in": len(episodes)})
        for episode, got in zip(
            episodes, fetch_episodes(episodes, self._settings, self._media), strict=True
        ):
            if isinstance(got, LedgerEntry):
                rejections += rejections_of(episode, got)
                counts[f"lost.{got.cause}"] += 1
            else:
                fetched.append(got)
        counts["audios_out"] = len(fetched)
        return Block(rows=table_of(Episode, fetched), rejections=rejections, counts=counts)

    def tally(self, rows: pa.Table) -> Tally:
        """Sentences."""
        return tally_sentences(rows)
