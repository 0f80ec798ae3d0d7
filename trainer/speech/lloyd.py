"""k-means after Lloyd, seeded: the same points and seed give the same centres.

Shapes: P points, K centres, D numbers each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from trainer.errors import DataError

_CHUNK = 8192  # points whose distances to all centres are in memory together


@dataclass(frozen=True, slots=True)
class Clusters:
    """What a fit found."""

    centres_KD: torch.Tensor
    counts_K: torch.Tensor  # points of each centre
    explained: float  # share of the points' variance that their centres account for


def nearest(points_PD: torch.Tensor, centres_KD: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest centre of each point, and the squared distance to it; the first among equals.

    >>> nearest(torch.tensor([[0.9], [3.0]]), torch.tensor([[0.0], [1.0], [5.0], [1.0]]))[0]
    tensor([1, 1])
    """
    indexes, distances = [], []
    norms_K = centres_KD.square().sum(dim=1)
    for points in points_PD.split(_CHUNK):
        distance = norms_K - 2 * points @ centres_KD.T
        best = distance.min(dim=1)
        indexes.append(best.indices)
        distances.append((best.values + points.square().sum(dim=1)).clamp_min(0.0))
    if not indexes:
        return torch.empty(0, dtype=torch.int64), torch.empty(0)
    return torch.cat(indexes), torch.cat(distances)


def fit(points_PD: torch.Tensor, clusters: int, *, iterations: int, seed: int) -> Clusters:
    """Centres that lie close to the points.

    Begins at points drawn without replacement. A centre that loses all its points is put on the
    point farthest from its own centre.

    Raises:
        DataError: there are fewer points than clusters.
    """
    if len(points_PD) < clusters:
        raise DataError(
            f"{len(points_PD):,} frames cannot make {clusters:,} codes: give more speech, or "
            "lower fit.clusters"
        )
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(points_PD), generator=generator)[:clusters]
    centres = points_PD[chosen].clone()
    indexes, distances = nearest(points_PD, centres)
    for _ in range(iterations):
        centres = _means(points_PD, indexes, distances, clusters)
        before = indexes
        indexes, distances = nearest(points_PD, centres)
        if torch.equal(before, indexes):
            break
    left = float(distances.double().sum()) / max(_scatter(points_PD), 1e-12)
    return Clusters(centres, torch.bincount(indexes, minlength=clusters), 1.0 - left)


def _means(
    points_PD: torch.Tensor, indexes: torch.Tensor, distances: torch.Tensor, clusters: int
) -> torch.Tensor:
    counts = torch.bincount(indexes, minlength=clusters)
    sums = torch.zeros(clusters, points_PD.shape[1], dtype=torch.float64)
    # In float64, so that the sum over millions of points keeps its digits; in chunks, because a
    # copy of all of them would double the memory.
    for chosen, points in zip(indexes.split(_CHUNK), points_PD.split(_CHUNK), strict=True):
        sums.index_add_(0, chosen, points.double())
    means = (sums / counts.clamp_min(1)[:, None]).float()
    empty = (counts == 0).nonzero().flatten()
    if len(empty):
        farthest = distances.argsort(descending=True, stable=True)[: len(empty)]
        means[empty] = points_PD[farthest]
    return means


def _scatter(points_PD: torch.Tensor) -> float:
    """The sum of squared distances to the mean of all points."""
    total, squares = torch.zeros(points_PD.shape[1], dtype=torch.float64), 0.0
    for points in points_PD.split(_CHUNK):
        total += points.double().sum(dim=0)
        squares += float(points.double().square().sum())
    return squares - float(total.square().sum()) / len(points_PD)
