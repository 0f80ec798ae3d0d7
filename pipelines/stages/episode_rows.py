"""Tables of episodes: what they hold, for every stage from ingest to annotate."""

from __future__ import annotations

import pyarrow as pa

from pipelines.stage import Tally
from pipelines.stages.scene_rows import tally_lines

EPISODES_PER_CHUNK = 64  # some 30,000 sentences of drama


def tally_sentences(episodes: pa.Table) -> Tally:
    """The sentences of episodes; before diarization nobody is known to speak them."""
    return tally_lines(episodes.column("id"), episodes.column("sentences"))
