"""Spleeter's network: one U-net a stem, from the magnitudes of a mix to those of the stem.

The architecture is that of Jansson et al., "Singing voice separation with deep U-net convolutional
networks" (ISMIR 2017), in the variant of Hennequin et al., "Spleeter: a fast and efficient music
source separation tool with pre-trained models" (JOSS 2020): six convolutions of stride 2 down, six
transposed ones up, each joined with its mirror image before that one's activation.

Shapes: B batch, C channels of sound (2), T frames (a multiple of 64), F frequency bins (1024).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pipelines.errors import UsageError

LEVELS = 6
TIME_MULTIPLE = 2**LEVELS  # frames; every level halves their number
_CHANNELS = (2, 16, 32, 64, 128, 256, 512)
_LEAK = 0.2
_NORM_EPSILON = 1e-3  # of the framework that it was trained with
_LAYERS_EACH = {"conv2d": LEVELS + 1, "conv2d_transpose": LEVELS, "batch_normalization": 2 * LEVELS}


class UNet(nn.Module):
    """One stem's network."""

    def __init__(self) -> None:
        """Makes the layers; :func:`load_stems` fills them."""
        super().__init__()
        up = [_CHANNELS[LEVELS], *(2 * width for width in _CHANNELS[LEVELS - 1 : 0 : -1])]
        out = [*_CHANNELS[LEVELS - 1 : 0 : -1], 1]
        self.down = nn.ModuleList(
            nn.Conv2d(_CHANNELS[level], _CHANNELS[level + 1], 5, stride=2)
            for level in range(LEVELS)
        )
        # The innermost one's normalization is in the file, but nothing comes after it.
        self.down_norms = nn.ModuleList(_norm(width) for width in _CHANNELS[1:])
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(wide, narrow, 5, stride=2)
            for wide, narrow in zip(up, out, strict=True)
        )
        self.up_norms = nn.ModuleList(_norm(width) for width in out)
        self.mask = nn.Conv2d(1, 2, 4, dilation=2)

    def forward(self, mix_BCTF: Tensor) -> Tensor:  # noqa: N803  (B, C, T, F)
        """The stem's magnitudes [B, C, T, F] from the mix's."""
        skipped: list[Tensor] = []
        hidden = mix_BCTF
        for level in range(LEVELS):
            # An even size and stride 2: the framework's padding has the odd one at the end.
            hidden = self.down[level](functional.pad(hidden, (1, 2, 1, 2)))
            if level < LEVELS - 1:
                skipped.append(hidden)
                hidden = functional.leaky_relu(self.down_norms[level](hidden), _LEAK)
        for level in range(LEVELS):
            # Twice the size and three more, of which the padding above takes one and two.
            hidden = self.up[level](hidden)[:, :, 1:-2, 1:-2]
            hidden = self.up_norms[level](functional.relu(hidden))
            if skipped:
                hidden = torch.cat([skipped.pop(), hidden], dim=1)
        return torch.sigmoid(self.mask(functional.pad(hidden, (3, 3, 3, 3)))) * mix_BCTF


def load_stems(tensors: Mapping[str, NDArray[np.float32]], stems: int) -> list[UNet]:
    """The networks of a checkpoint in the order they were made in: vocals first.

    Args:
        tensors: from :func:`pipelines.backends.tf_checkpoint.read_checkpoint`.
        stems: how many the checkpoint has.

    Raises:
        UsageError: a tensor is missing or of another shape.
    """
    return [_load(tensors, stem) for stem in range(stems)]


def _load(tensors: Mapping[str, NDArray[np.float32]], stem: int) -> UNet:
    # Layers are numbered over all stems, and the first of a kind has no number.
    def layer(kind: str, number: int) -> str:
        number += stem * _LAYERS_EACH[kind]
        return kind if number == 0 else f"{kind}_{number}"

    network = UNet()
    for level in range(LEVELS):
        _fill(network.down[level], tensors, layer("conv2d", level))
        _fill(network.down_norms[level], tensors, layer("batch_normalization", level))
        _fill(network.up[level], tensors, layer("conv2d_transpose", level))
        _fill(network.up_norms[level], tensors, layer("batch_normalization", LEVELS + level))
    _fill(network.mask, tensors, layer("conv2d", LEVELS))
    return network.eval().requires_grad_(False)


_NAMES = {  # here -> in the checkpoint
    "weight": "kernel",
    "bias": "bias",
}
_NORM_NAMES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def _fill(layer: nn.Module, tensors: Mapping[str, NDArray[np.float32]], name: str) -> None:
    names = _NORM_NAMES if isinstance(layer, nn.BatchNorm2d) else _NAMES
    for here, there in names.items():
        found = tensors.get(f"{name}/{there}")
        wanted = layer.get_parameter(here) if here in ("weight", "bias") else layer.get_buffer(here)
        # There [height, width, in, out], or [height, width, out, in] where it is transposed.
        tensor = None if found is None else torch.tensor(found)
        if tensor is not None and tensor.ndim == 4:
            tensor = tensor.permute(3, 2, 0, 1).contiguous()
        if tensor is None or tensor.shape != wanted.shape:
            raise UsageError(
                f"the separator's weights have no {name}/{there} of the shape "
                f"{tuple(wanted.shape)}: not Spleeter's two-stem model"
            )
        wanted.data.copy_(tensor)


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=_NORM_EPSILON)
