"""Every parser of outside data that is fuzzed."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.audio import audio_targets
from tests.fuzz.labelled import labelled_targets
from tests.fuzz.replies import reply_targets
from tests.fuzz.shards import shard_targets
from tests.fuzz.sources import source_targets
from tests.fuzz.target import Target
from tests.fuzz.training import training_targets


def all_targets(folder: Path) -> list[Target]:
    """The targets; what they read of files lies in ``folder``, which must be empty."""
    homes = [folder / name for name in ("sources", "replies", "shards", "training", "labelled")]
    for home in homes:
        home.mkdir()
    sources, replies, shards, training, labelled = homes
    return [
        *source_targets(sources),
        *audio_targets(),
        *reply_targets(replies),
        *shard_targets(shards),
        *training_targets(training),
        *labelled_targets(labelled),
    ]


def shares(targets: list[Target], cases: int) -> list[int]:
    """How many cases each target gets: at least one, and ``cases`` or a few more in all.

    A cheap parser gets more of them than one that reads a folder of clips every time.
    """
    whole = sum(target.share for target in targets)
    return [max(1, -int(-cases * target.share // whole)) for target in targets]
