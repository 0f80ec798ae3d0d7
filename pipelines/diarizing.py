"""What ``pipelines.diarize --dry-run`` says: how much there is to do, and how much is done."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.stages.diarize import DiarizeStage
from schemas import Episode, record_of


def describe_work(stage: DiarizeStage, parts: Sequence[str]) -> str:
    """One line on the episodes of all parts; their vocals are read, for their hashes.

    Raises:
        StageFailed: a part or a file of vocals cannot be read.
        UsageError: the model's weights cannot be found.
    """
    episodes = stored = 0
    hours = hours_stored = 0.0
    for part in parts:
        for chunk in stage.read(part):
            for row in chunk.to_pylist():
                episode = record_of(Episode, row)
                episodes += 1
                hours += episode.duration / 3600
                if stage.stored(episode):
                    stored += 1
                    hours_stored += episode.duration / 3600
    return (
        f"{episodes:,} episodes ({hours:,.2f} h): {stored:,} ({hours_stored:,.2f} h) are in the "
        f"store, {episodes - stored:,} ({hours - hours_stored:,.2f} h) to diarize with "
        f"{stage.backend}"
    )
