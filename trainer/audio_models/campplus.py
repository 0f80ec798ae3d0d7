"""CAM++ as the trainer asks it: stretches of speech of any length, one vector each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from acoustics.campplus import EMBEDDING_SIZE, FRAME, CamPlusPlus, embed, load_campplus
from acoustics.weights import WeightsError, find_weights, weights_sha256
from trainer.audio_models.protocol import Samples
from trainer.audio_models.settings import SpeakerSettings
from trainer.errors import UsageError

_BATCH = 16  # stretches of equal length at a time


class CamPlusPlusEncoder:
    """Loaded when it is first asked."""

    def __init__(self, settings: SpeakerSettings | None = None) -> None:
        """Takes where the weights are."""
        self._settings = settings or SpeakerSettings()

    @property
    def identity(self) -> Mapping[str, object]:
        """The network and the hash of its weights."""
        return {"speaker": "campplus", "weights_sha256": weights_sha256(self._settings.weights)}

    def load(self) -> None:
        """Loads the network now; a command does so before work begins.

        Raises:
            UsageError: the weights are in none of their places, or not what they should be.
        """
        _ = self._network

    def embed(self, speech: Sequence[Samples]) -> NDArray[np.float32]:
        """Vectors ``[B, 192]`` of length 1.

        Stretches of equal length go through the network together and nothing is padded, so a vector
        does not depend on what else is asked for.
        """
        found = np.zeros((len(speech), EMBEDDING_SIZE), dtype=np.float32)
        by_length: defaultdict[int, list[int]] = defaultdict(list)
        for index, samples in enumerate(speech):
            by_length[max(len(samples), FRAME)].append(index)
        for length, indexes in by_length.items():
            for first in range(0, len(indexes), _BATCH):
                part = indexes[first : first + _BATCH]
                windows = np.zeros((len(part), length), dtype=np.float32)
                for row, index in enumerate(part):
                    windows[row, : len(speech[index])] = speech[index]
                found[part] = embed(self._network, torch.from_numpy(windows))
        return found

    @cached_property
    def _network(self) -> CamPlusPlus:
        try:
            network = load_campplus(find_weights(self._settings.weights))
        except (WeightsError, ValueError) as error:
            raise UsageError(f"speaker model: {error}") from error
        return network.to(chosen_device(self._settings.device))


def chosen_device(device: str) -> str:
    """`auto` is the GPU where there is one."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"
