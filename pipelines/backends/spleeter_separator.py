"""The embedded separator: Spleeter's two stems, vocals and accompaniment, on any machine.

The mix is cut into 4096-sample frames every 1024 samples (periodic Hann). Two networks estimate
the magnitudes of each stem below 11 kHz; the mix's frames are multiplied by the vocals' share of
the power and put together again (Hennequin et al., JOSS 2020). Above 11 kHz nothing is kept.

Where it differs from the original: a chunk goes through the networks in one piece, not in pieces
of 512 frames, so there are no seams inside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipelines.backends.device import choose_device
from pipelines.backends.media_settings import EmbeddedSeparatorSettings
from pipelines.backends.tf_checkpoint import read_checkpoint
from pipelines.backends.weights import find_weights, weights_sha256
from pipelines.sound import Samples

if TYPE_CHECKING:  # torch takes seconds to import, and a dry run does not need it
    from torch import Tensor

    from pipelines.backends.spleeter_network import UNet

_SAMPLE_RATE_HZ = 44_100
_NUM_CHANNELS = 2
_FRAME = 4096  # samples
_HOP = 1024  # samples
_BINS = 1024  # of 2049: up to 11,025 Hz
_EXPONENT = 2  # of the magnitudes, in the mask
_EPSILON = 1e-10
_TIME_MULTIPLE = 64  # frames; the networks halve their number six times
_STEMS = 2


class SpleeterSeparator:
    """A :class:`pipelines.backends.separator.Separator`."""

    def __init__(
        self, settings: EmbeddedSeparatorSettings, device: Literal["auto", "cpu", "cuda"]
    ) -> None:
        """Takes the settings; the weights are loaded with the first chunk."""
        self._settings, self._device = settings, device
        self._networks: list[UNet] | None = None

    @property
    def name(self) -> str:
        """``embedded:`` and the model."""
        return f"embedded:{self._settings.model}"

    @property
    def identity(self) -> Mapping[str, object]:
        """Model, weights, and what the masks are made by."""
        return {
            "backend": "embedded",
            "model": self._settings.model,
            "index_sha256": weights_sha256(self._settings.index),
            "data_sha256": weights_sha256(self._settings.data),
            "exponent": _EXPONENT,
            "pieces": "whole",  # how many frames go through the networks at once
        }

    @property
    def sample_rate_hz(self) -> int:
        """44,100."""
        return _SAMPLE_RATE_HZ

    @property
    def num_channels(self) -> int:
        """Two."""
        return _NUM_CHANNELS

    @property
    def grid_frames(self) -> int:
        """The samples that one column of the innermost layer stands for, 1.5 seconds."""
        return _HOP * _TIME_MULTIPLE

    def check(self) -> None:
        """Makes sure that the weights are there and a wanted GPU is.

        Raises:
            UsageError: they are not.
        """
        find_weights(self._settings.index)
        find_weights(self._settings.data)
        choose_device(self._device)

    def separate(self, mix: Samples) -> Samples:
        """The vocals of a chunk [2, frames].

        Raises:
            UsageError: the weights cannot be found or are not Spleeter's.
        """
        import torch

        if mix.shape[1] == 0:
            return mix
        if self._networks is None:
            self._networks = self._load()
        with torch.inference_mode():
            sound_CN = torch.from_numpy(np.ascontiguousarray(mix)).to(choose_device(self._device))
            vocals_CN = self._vocals(sound_CN, *self._networks)
            vocals: Samples = vocals_CN.cpu().numpy()
        return vocals

    def _vocals(self, sound_CN: Tensor, voice: UNet, rest: UNet) -> Tensor:  # noqa: N803
        """C channels, N samples, F frequency bins, T frames."""
        import torch
        from torch.nn import functional

        window = torch.hann_window(_FRAME, device=sound_CN.device)
        mix_CFT = torch.stft(
            sound_CN,
            _FRAME,
            _HOP,
            window=window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        frames = mix_CFT.shape[2]
        magnitude_BCTF = mix_CFT[:, :_BINS].abs().transpose(1, 2)[None]
        padded_BCTF = functional.pad(magnitude_BCTF, (0, 0, 0, -frames % _TIME_MULTIPLE))
        voice_BCTF = voice(padded_BCTF) ** _EXPONENT
        rest_BCTF = rest(padded_BCTF) ** _EXPONENT
        mask_BCTF = (voice_BCTF + _EPSILON / _STEMS) / (voice_BCTF + rest_BCTF + _EPSILON)
        mix_CFT[:, :_BINS] *= mask_BCTF[0, :, :frames].transpose(1, 2)
        mix_CFT[:, _BINS:] = 0
        return torch.istft(
            mix_CFT, _FRAME, _HOP, window=window, center=True, length=sound_CN.shape[1]
        )

    def _load(self) -> list[UNet]:
        from pipelines.backends.spleeter_network import load_stems

        tensors = read_checkpoint(
            find_weights(self._settings.index), find_weights(self._settings.data)
        )
        device = choose_device(self._device)
        return [network.to(device) for network in load_stems(tensors, _STEMS)]
