"""Windows over stretches of speech, their grouping by voice, and where one voice follows another.

Pure functions on vectors of length 1, so that a scalar product is a cosine. A span is
``(begin, end)`` in samples, the end not included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
Vectors = NDArray[np.float32]  # [windows, dimensions], each of length 1
Labels = NDArray[np.int64]


def cut_windows(region: Span, window: int, hop: int) -> list[Span]:
    """Windows of equal length that begin at the region's start and end at its end.

    They are spread evenly, at most ``hop`` apart. A region that is longer than a window by less
    than half of it is one window: of two that share most of their speech nothing is learned.

    >>> cut_windows((0, 40), window=20, hop=10)
    [(0, 20), (10, 30), (20, 40)]
    >>> cut_windows((0, 29), window=20, hop=10)
    [(0, 29)]
    """
    begin, end = region
    spare = end - begin - window
    if 2 * spare < window:
        return [region]
    steps = -(-spare // hop)
    return [(at, at + window) for at in (begin + spare * k // steps for k in range(steps + 1))]


def group_voices(vectors: Vectors, max_distance: float) -> Labels:
    """Average-link clustering by cosine distance; groups are numbered by their first window.

    Args:
        vectors: of the windows.
        max_distance: two groups whose windows are this far apart on average are joined (`<=`).
    """
    if len(vectors) < 2:
        return np.zeros(len(vectors), np.int64)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    wide = vectors.astype(np.float64)
    distances = np.clip(1 - wide @ wide.T, 0, 2)
    np.fill_diagonal(distances, 0)
    # checks=False: the product of a matrix with itself is symmetric to the last bit but one.
    tree = linkage(squareform(distances, checks=False), method="average")
    return _numbered(fcluster(tree, max_distance, criterion="distance"))


def join_small(
    labels: Labels, vectors: Vectors, seconds: NDArray[np.float64], least: float
) -> Labels:
    """Groups with less speech than ``least`` seconds join the one that sounds most like them.

    The smallest goes first; of two equals the one with the lower number.

    Args:
        labels: group of each window, numbered from 0.
        vectors: of the windows.
        seconds: of speech that each window stands for.
        least: seconds; a group with exactly so much stays (`>=`).
    """
    labels = labels.copy()
    while True:
        present = np.unique(labels)
        spoken = np.array([seconds[labels == label].sum() for label in present])
        if len(present) < 2 or spoken.min() >= least:
            return _numbered(labels)
        small = int(spoken.argmin())
        voices = mean_voices(_numbered_by(labels, present), vectors, seconds)
        likeness = voices @ voices[small]
        likeness[small] = -np.inf
        labels[labels == present[small]] = present[int(likeness.argmax())]


def mean_voices(labels: Labels, vectors: Vectors, seconds: NDArray[np.float64]) -> Vectors:
    """The voice of each group: the direction of its windows' mean, weighted by their seconds."""
    sums = np.zeros((int(labels.max(initial=-1)) + 1, vectors.shape[1]))
    np.add.at(sums, labels, vectors * seconds[:, None])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    voices: Vectors = (sums / np.maximum(lengths, np.finfo(np.float64).tiny)).astype(np.float32)
    return voices


def best_path(likeness: NDArray[np.float32], switch_cost: float) -> Labels:
    """Who speaks in each of a row of windows: the likeliest sequence when changes cost something.

    Viterbi's algorithm. Between equals nobody changes, and the one with the lower number speaks.

    Args:
        likeness: [windows, speakers], cosines.
        switch_cost: what a change of speakers must gain.

    >>> best_path(np.array([[1, 0], [0, 0.2], [1, 0], [0, 1], [0, 1]], np.float32), 0.3).tolist()
    [0, 0, 0, 1, 1]
    """
    windows, speakers = likeness.shape
    best = likeness[0].astype(np.float64)
    came_from = np.zeros((windows, speakers), np.int64)
    for window in range(1, windows):
        switched = best.max() - switch_cost
        stays = best >= switched
        came_from[window] = np.where(stays, np.arange(speakers), int(best.argmax()))
        best = np.where(stays, best, switched) + likeness[window]
    path = np.zeros(windows, np.int64)
    path[-1] = best.argmax()
    for window in range(windows - 1, 0, -1):
        path[window - 1] = came_from[window, path[window]]
    return path


def _numbered(labels: NDArray[np.generic]) -> Labels:
    """The same groups, numbered from 0 by their first member."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _numbered_by(labels: Labels, present: Labels) -> Labels:
    return np.searchsorted(present, labels).astype(np.int64)
