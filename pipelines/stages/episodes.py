"""Raw drama corpus -> episodes (MCLP 5.1).

The element is the recording with all its sentences; what is counted and conserved is the sentence.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipelines.sources.base import Shard
from pipelines.sources.wenetspeech import ReadEpisode, WenetSpeechSource
from pipelines.stage import Block, Stage, Tally, microseconds
from pipelines.stages.episode_rows import EPISODES_PER_CHUNK, tally_sentences
from schemas import Episode, table_of
from schemas.facts import no_hashes


class EpisodeIngestStage(Stage[Shard, list[ReadEpisode]]):
    """Shard -> episodes. Rejects what the reader rejects, sentence by sentence."""

    name = "ingest"
    unit = "sentence"
    record_type = Episode

    def __init__(
        self, source: WenetSpeechSource, episodes_per_file: int, limit: int | None
    ) -> None:
        """Takes the corpus's reader; ``limit`` is the most episodes of one shard."""
        super().__init__(source.name)
        self.rows_per_file = episodes_per_file
        self._reader = source
        self._limit = limit

    def read(self, element: Shard) -> Iterator[list[ReadEpisode]]:
        """The shard's recordings, a bounded number at a time, dropped ones included."""
        recordings = self._reader.read(element, self._limit)
        while chunk := list(itertools.islice(recordings, EPISODES_PER_CHUNK)):
            yield chunk

    def transform(self, chunk: list[ReadEpisode]) -> Block:
        """Parts good from bad."""
        episodes = [read.episode for read in chunk if read.episode is not None]
        return Block(
            rows=table_of(Episode, episodes),
            rejections=[rejection for read in chunk for rejection in read.rejections],
            counts=Counter({"audios_in": len(chunk), "audios_out": len(episodes)}),
        )

    def tally(self, rows: pa.Table) -> Tally:
        """Sentences."""
        return tally_sentences(rows)

    def intake(self, chunk: list[ReadEpisode], block: Block, kept: Tally) -> Tally:
        """What the reader counted, independently of what it kept."""
        seconds = np.array([read.seconds_in for read in chunk], dtype=np.float64)
        units = sum(read.sentences_in for read in chunk)
        return Tally(units, microseconds(seconds), no_hashes())
