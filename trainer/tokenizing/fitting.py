"""Fits a k-means codec on the speech of emitted folders."""

from __future__ import annotations

import posixpath
import zlib
from collections.abc import Sequence

import torch

from manifests.recorded import ShardDamaged, read_recorded
from manifests.scene_cuts import SPLITS
from manifests.shards import ShardPaths, list_shards
from schemas import Rejection
from trainer.errors import DataError, UsageError
from trainer.progress import progress
from trainer.speech.kmeans import KMeansTokenizer, fit_kmeans, log_mel
from trainer.speech.lloyd import Clusters
from trainer.speech.settings import FitSettings
from trainer.tokenizing.job import refuse_prompts
from trainer.tokenizing.turns import sounds_of


class _Draw:
    """A sample of blocks, as large as asked for; which ones depends on their cut ids alone."""

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._seed = size, seed
        self._blocks: list[torch.Tensor] = []
        self._ranks: list[torch.Tensor] = []
        self._held = 0
        self.seen = 0

    def add(self, name: str, blocks_PD: torch.Tensor) -> None:
        generator = torch.Generator().manual_seed(self._seed ^ zlib.crc32(name.encode()))
        self._blocks.append(blocks_PD)
        self._ranks.append(torch.rand(len(blocks_PD), generator=generator, dtype=torch.float64))
        self._held += len(blocks_PD)
        self.seen += len(blocks_PD)
        if self._held > 2 * self._size:
            self._thin()

    def _thin(self) -> None:
        blocks, ranks = torch.cat(self._blocks), torch.cat(self._ranks)
        kept = ranks.argsort(stable=True)[: self._size].sort().values
        self._blocks, self._ranks = [blocks[kept]], [ranks[kept]]
        self._held = len(kept)

    def blocks(self) -> torch.Tensor:
        if not self._blocks:
            return torch.empty(0, 0)
        self._thin()
        return self._blocks[0]


def fit_on(folders: Sequence[str], settings: FitSettings) -> tuple[KMeansTokenizer, Clusters, int]:
    """A codec of the speech in these folders.

    Args:
        folders: output folders of emit.
        settings: of the codec, and of the fit.

    Returns:
        The codec, how well it stands for the frames, and how many of them there were.

    Raises:
        UsageError: a folder has no shards.
        DataError: a shard is damaged, or there is less speech than codes.
    """
    shards = [shard for folder in folders for shard in _shards(folder)]
    mel, draw = log_mel(settings.codec), _Draw(settings.max_frames, settings.seed)
    try:
        with progress("fit", "shard", len(shards)) as advance:
            for shard in shards:
                for cut in read_recorded(shard):
                    sounds = sounds_of(cut, settings.sample_rate)
                    if isinstance(sounds, Rejection):
                        continue  # tokenize rejects and counts it
                    for number, sound in enumerate(sounds):
                        draw.add(f"{cut.manifest['id']} {number}", mel(sound))
                advance(1)
    except ShardDamaged as error:
        raise DataError(f"{error}; `python -m manifests.validate` says more") from error
    tokenizer, clusters = fit_kmeans(
        draw.blocks(), settings.codec, settings.seed, settings.iterations
    )
    return tokenizer, clusters, draw.seen


def _shards(folder: str) -> list[ShardPaths]:
    """The shards of a folder, or of the train split in it: a codec must not know the test set."""
    refuse_prompts(folder)
    for where in (folder, posixpath.join(folder, SPLITS[0])):
        found, _ = list_shards(where)
        if found:
            return found
    raise UsageError(f"{folder}: no shards there; give output folders of emit")
