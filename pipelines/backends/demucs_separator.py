"""The paper's separator (MCLP 5.1): Demucs, here its hybrid transformer (Rouard et al., 2023).

A model is a bag of networks that each know four stems or so. Only the vocals are kept, and only
networks that have a say in them are run: of the fine-tuned bag that is one in four.
"""

from __future__ import annotations

import importlib.metadata
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from pipelines.backends.demucs_files import DemucsFiles, find_demucs, open_network
from pipelines.backends.device import choose_device
from pipelines.backends.media_settings import DemucsSettings
from pipelines.errors import UsageError
from pipelines.sound import Samples

_VOCALS = "vocals"
_OVERLAP = 0.25  # of Demucs's own pieces inside a chunk, its default
_STILL = 1e-8  # keeps the loudness of silence from being divided by


@dataclass(frozen=True, slots=True)
class _Network:
    """One network of the bag, and its say in the vocals."""

    network: Any
    weight: float


class DemucsSeparator:
    """A :class:`pipelines.backends.separator.Separator`."""

    def __init__(self, settings: DemucsSettings, device: Literal["auto", "cpu", "cuda"]) -> None:
        """Takes the settings; files are looked for when needed, networks loaded at the end."""
        self._settings, self._device = settings, device

    @property
    def name(self) -> str:
        """``demucs:`` and the model."""
        return f"demucs:{self._settings.model}"

    @property
    def identity(self) -> Mapping[str, object]:
        """Library, model, weights and shifts.

        Raises:
            UsageError: the model's files cannot be found.
        """
        return {
            "backend": "demucs",
            "version": importlib.metadata.version("demucs"),
            "model": self._settings.model,
            "weights_sha256": self._sha256,
            "stem_weights": self._files.stem_weights,
            "segment_s": self._files.segment_s,
            "shifts": self._settings.shifts,
            "overlap": _OVERLAP,
        }

    @property
    def sample_rate_hz(self) -> int:
        """What the networks take."""
        return int(self._networks[0].network.samplerate)

    @property
    def num_channels(self) -> int:
        """What the networks take."""
        return int(self._networks[0].network.audio_channels)

    @property
    def grid_frames(self) -> int:
        """The step of Demucs's own pieces: with it they are the same in both of two chunks."""
        network = self._networks[0].network
        return max(int((1 - _OVERLAP) * int(network.samplerate * network.segment)), 1)

    def check(self) -> None:
        """Makes sure that the model's files are there, downloading them where they are not.

        Raises:
            UsageError: they cannot be had, or a wanted GPU is not there.
        """
        choose_device(self._device)
        _ = self._files

    def separate(self, mix: Samples) -> Samples:
        """The vocals of a chunk.

        Raises:
            UsageError: the model cannot be loaded.
        """
        import torch
        from demucs.apply import apply_model

        if mix.shape[1] == 0:
            return mix
        device = choose_device(self._device)
        mix_CN = torch.from_numpy(np.ascontiguousarray(mix))
        loudness = mix_CN.mean(0)
        mean, deviation = loudness.mean(), loudness.std(correction=0) + _STILL
        vocals_CN = torch.zeros_like(mix_CN)
        state = random.getstate()
        random.seed(0)  # Demucs draws its shifts here: the same ones in every run
        try:
            with torch.inference_mode():
                for one in self._networks:
                    stems_BSCN = apply_model(
                        one.network,
                        ((mix_CN - mean) / deviation)[None],
                        shifts=self._settings.shifts,
                        overlap=_OVERLAP,
                        device=device,
                    )
                    stem = one.network.sources.index(_VOCALS)
                    vocals_CN += one.weight * stems_BSCN[0, stem].cpu()
        finally:
            random.setstate(state)
        total = sum(one.weight for one in self._networks)
        vocals: Samples = (vocals_CN / total * deviation + mean).numpy()
        return vocals

    @cached_property
    def _files(self) -> DemucsFiles:
        return find_demucs(self._settings.model, self._settings.repository)

    @cached_property
    def _sha256(self) -> list[str]:
        return self._files.sha256()

    @cached_property
    def _networks(self) -> list[_Network]:
        from demucs.htdemucs import HTDemucs

        networks: list[_Network] = []
        for number, path in enumerate(self._files.paths):
            network = open_network(path)
            sources = list(network.sources)
            if _VOCALS not in sources:
                raise UsageError(f"{path}: its stems are {', '.join(sources)}, not {_VOCALS}")
            weight = 1.0
            if self._files.stem_weights is not None:
                weights = self._files.stem_weights[number]
                if len(weights) != len(sources):
                    raise UsageError(f"{path}: {len(sources)} stems, but {len(weights)} weights")
                weight = weights[sources.index(_VOCALS)]
            segment_s = self._files.segment_s
            if segment_s is not None and (
                not isinstance(network, HTDemucs) or segment_s <= network.segment
            ):
                network.segment = segment_s
            if weight > 0:
                networks.append(_Network(network, weight))
        if not networks:
            raise UsageError(f"the Demucs model {self._settings.model} gives no vocals any weight")
        first = networks[0].network
        for other in (one.network for one in networks[1:]):
            if (other.samplerate, other.audio_channels) != (first.samplerate, first.audio_channels):
                raise UsageError(
                    f"the networks of the Demucs model {self._settings.model} differ in sample "
                    "rate or channels"
                )
        return networks
