"""What stretches of a recording sound like: CAM++ vectors of spans of samples."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.backends.device import choose_device
from pipelines.backends.weights import find_weights
from pipelines.backends.windows import Span, Vectors
from pipelines.errors import UsageError

if TYPE_CHECKING:  # torch takes seconds to import, and a dry run does not need it
    from acoustics.campplus import CamPlusPlus
    from acoustics.weights import WeightsSettings

_BATCH = {"cpu": 4, "cuda": 64}  # windows; larger ones are slower where caches are small
# oneDNN keeps what it compiles for every shape, 1,024 pieces if nobody says otherwise. Windows have
# some forty lengths: an hour of sound would take 200 MB more, and saves no time by it.
_COMPILED_KEPT = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")


class SpeakerEmbedder:
    """Loads its weights with the first sound."""

    def __init__(self, weights: WeightsSettings, device: Literal["auto", "cpu", "cuda"]) -> None:
        """Takes where the weights are, and what to run on."""
        self._weights, self._device = weights, device
        self._network: CamPlusPlus | None = None

    def embed(self, samples: NDArray[np.float32], spans: Sequence[Span]) -> Vectors:
        """One vector of length 1 a span, in the order of the spans.

        Args:
            samples: at 16 kHz, -1 to 1, one channel.
            spans: each at least 25 ms long.

        Raises:
            UsageError: the weights cannot be found, or are another network's.
        """
        import torch

        from acoustics.campplus import EMBEDDING_SIZE, embed

        device = choose_device(self._device)
        network = self._load(device)
        found = np.zeros((len(spans), EMBEDDING_SIZE), np.float32)
        by_length: dict[int, list[int]] = {}
        for number, (begin, end) in enumerate(spans):
            by_length.setdefault(end - begin, []).append(number)
        with _one_thread():
            for numbers in by_length.values():
                for first in range(0, len(numbers), _BATCH[device]):
                    some = numbers[first : first + _BATCH[device]]
                    windows = np.stack([samples[slice(*spans[number])] for number in some])
                    found[some] = embed(network, torch.from_numpy(windows))
        return found

    def _load(self, device: str) -> CamPlusPlus:
        if self._network is None:
            from acoustics.campplus import load_campplus

            os.environ.setdefault(*_COMPILED_KEPT)  # oneDNN reads it with the first convolution
            try:
                self._network = load_campplus(find_weights(self._weights)).to(device)
            except ValueError as error:
                raise UsageError(str(error)) from error
        return self._network


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in the same order on every machine; the parallel work is that of Beam's workers."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
