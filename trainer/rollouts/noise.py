"""Random numbers of rollouts: one stream a rollout, whatever batch it is in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def uniforms(keys: Sequence[str], group_size: int, length: int, seed: int) -> Tensor:
    """One number a token in [0, 1), float64 ``[N * G, length]``, on the CPU.

    A rollout's numbers come from the seed, the key of its prompt and its number in the group alone,
    and a longer limit only adds to them: neither the batch nor the device nor the number of workers
    changes what is drawn.

    >>> a = uniforms(["x", "y"], 2, 5, seed=1)
    >>> b = uniforms(["y"], 2, 3, seed=1)
    >>> bool((a[2:, :3] == b).all())
    True
    """
    rows = [
        _stream(f"{seed}/{number}/{key}").random(length)
        for key in keys
        for number in range(group_size)
    ]
    return torch.from_numpy(np.stack(rows))


def _stream(name: str) -> np.random.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
