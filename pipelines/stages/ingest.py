"""Raw dump -> utterances: groups a reader's records into blocks (FlexiVoice 4.2, data sources)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pipelines.sources.base import Shard, Source
from pipelines.stage import CHUNK_ROWS, Block, Stage
from schemas import Rejection, Utterance, table_of


class IngestStage(Stage[Shard, list[Utterance | Rejection]]):
    """Shard -> utterances. Rejects what the reader rejects, and ids that come again.

    Everything the reader finds, good or bad, is one utterance in.
    """

    name = "ingest"
    record_type = Utterance
    unique_ids = True

    def __init__(self, source: Source, rows_per_file: int, limit: int | None) -> None:
        """Takes the corpus's reader; ``limit`` is the most records of one shard."""
        super().__init__(source.name)
        self.rows_per_file = rows_per_file
        self._reader = source
        self._limit = limit

    def setup(self) -> None:
        """Loads the reader's look-up tables."""
        self._reader.prepare()

    def read(self, element: Shard) -> Iterator[list[Utterance | Rejection]]:
        """The shard's records, a bounded number at a time."""
        records = self._reader.read(element, self._limit)
        while chunk := list(itertools.islice(records, CHUNK_ROWS)):
            yield chunk

    def transform(self, chunk: list[Utterance | Rejection]) -> Block:
        """Parts good from bad."""
        return Block(
            rows=table_of(Utterance, [r for r in chunk if isinstance(r, Utterance)]),
            rejections=[r for r in chunk if isinstance(r, Rejection)],
        )
