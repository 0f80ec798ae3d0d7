"""Finished fetch folders: episodes with media that the test made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.stages.episode_rows import tally_sentences
from schemas import Episode, StageFacts, record_of, table_of
from schemas.facts import hours


def save_fetched(folder: Path, episodes: Sequence[Episode], per_part: int = 1) -> list[str]:
    """Writes a fetch stage's output; the paths of its parts."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for begin in range(0, len(episodes), per_part):
        path = folder / f"part-{begin // per_part:05d}.parquet"
        pq.write_table(table_of(Episode, episodes[begin : begin + per_part]), path)
        paths.append(str(path))
    tally = tally_sentences(table_of(Episode, episodes))
    facts = StageFacts(
        stage="fetch",
        source="wenetspeech",
        unit="sentence",
        rows_in=tally.units,
        rows_out=tally.units,
        rejected={},
        hours_in=hours(tally.microseconds),
        hours_out=hours(tally.microseconds),
        rejected_hours={},
        speakers_in=0,
        speakers_out=0,
        backend=None,
        prompt_sha256={},
        counts={"audios_in": len(episodes), "audios_out": len(episodes)},
    )
    (folder / "stage.json").write_text(facts.to_json(), encoding="utf-8")
    return paths


def episodes_in(folder: Path) -> list[Episode]:
    """The episodes of a stage's output."""
    parts = sorted(folder.glob("part-*.parquet"))
    return [record_of(Episode, row) for p in parts for row in pq.read_table(p).to_pylist()]
