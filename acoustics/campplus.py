"""CAM++: what a stretch of speech sounds like, as one vector (FlexiVoice 5.1 verifies with it).

The network is that of Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification
Using Context-Aware Masking" (Interspeech 2023), in the shape of the released Chinese-English
weights: a small 2-d convolutional head, a time-delay layer that halves the frame rate, three dense
blocks whose layers gate their output by context, pooled mean and deviation, 192 numbers. Parameter
names are those of the released file, so that it loads as it is. Needs torch and numpy only.

Shapes: B windows, T frames of 10 ms, F = 80 mel bands, C channels.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

SAMPLE_RATE_HZ = 16_000
EMBEDDING_SIZE = 192
FRAME = 400  # samples: 25 ms
HOP = 160  # samples: 10 ms
MEL_BANDS = 80
_FFT = 512
_LOWEST_HZ = 20.0
_PREEMPHASIS = 0.97
_FLOOR = torch.finfo(torch.float32).eps  # of a band's energy, before the logarithm
_DENSE_BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers, dilation
_GROWTH = 32  # channels that a dense layer adds
_CONTEXT = 100  # frames (2 s at the halved rate) that share a local context


def load_campplus(path: Path) -> CamPlusPlus:
    """The network with weights from a file, ready to embed.

    Args:
        path: a plain state dict; it is read as tensors only, never as code.

    Raises:
        ValueError: the file is not the state dict of this network.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network = CamPlusPlus()
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError, EOFError, OSError, KeyError) as error:
        raise ValueError(f"{path}: not the weights of CAM++: {error}") from error
    except Exception as error:  # pickle's own errors have no common class that torch keeps
        if type(error).__name__ != "UnpicklingError":
            raise
        raise ValueError(f"{path}: not a plain state dict: {error}") from error
    return network.eval()


def embed(network: CamPlusPlus, windows: Tensor) -> NDArray[np.float32]:
    """One unit vector a window.

    Args:
        network: from :func:`load_campplus`, on any device.
        windows: samples at 16 kHz, -1 to 1, ``[B, samples]``; at least 25 ms long.

    Returns:
        ``[B, 192]``, each row of length 1. Silence gives some unit vector, never NaN.
    """
    device = next(network.parameters()).device
    with torch.inference_mode():
        features_BTF = mel_features(windows.to(device))
        vectors = functional.normalize(network(features_BTF), dim=-1)
    found: NDArray[np.float32] = vectors.cpu().numpy()
    return found


def mel_features(windows: Tensor) -> Tensor:
    """Kaldi's log mel filter bank, less its mean over each window.

    25 ms frames every 10 ms that lie wholly inside the window, each freed of its mean,
    pre-emphasised, weighted with Povey's window; 80 triangles on Kaldi's mel scale from 20 Hz.

    Args:
        windows: samples at 16 kHz, ``[B, samples]``.

    Returns:
        ``[B, T, F]``.

    Raises:
        ValueError: a window is shorter than one frame.

    >>> mel_features(torch.zeros(1, 16000)).shape
    torch.Size([1, 98, 80])
    """
    if windows.shape[-1] < FRAME:
        raise ValueError(f"a window of {windows.shape[-1]} samples; a frame needs {FRAME}")
    frames = windows.to(torch.float32).unfold(-1, FRAME, HOP)
    frames = frames - frames.mean(-1, keepdim=True)
    before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
    frames = (frames - _PREEMPHASIS * before) * _povey_window().to(frames.device)
    power = torch.fft.rfft(frames, n=_FFT).abs().square()
    energies = power @ _mel_triangles().to(frames.device)
    features: Tensor = energies.clamp_min(_FLOOR).log()
    return features - features.mean(-2, keepdim=True)


def _povey_window() -> Tensor:
    return torch.hann_window(FRAME, periodic=False).pow(0.85)


def _mel_triangles() -> Tensor:
    """Weights ``[_FFT / 2 + 1, F]``; triangles have equal width in mels, not in hertz."""
    edges = torch.linspace(_mel(_LOWEST_HZ), _mel(SAMPLE_RATE_HZ / 2), MEL_BANDS + 2)
    bins = torch.tensor([_mel(k * SAMPLE_RATE_HZ / _FFT) for k in range(_FFT // 2 + 1)])
    width = edges[1] - edges[0]
    triangles: Tensor = (1 - (bins[:, None] - edges[None, 1:-1]).abs() / width).clamp_min(0)
    triangles[-1] = 0  # Kaldi leaves the highest bin out
    return triangles


def _mel(hertz: float) -> float:
    return 1127.0 * math.log1p(hertz / 700.0)


class CamPlusPlus(nn.Module):
    """``[B, T, F]`` mel features -> ``[B, 192]``."""

    def __init__(self) -> None:
        """Random weights; :func:`load_campplus` gives the released ones."""
        super().__init__()
        self.head = _Head()
        channels = 128
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["tdnn"] = _TimeDelay(self.head.out_channels, channels)
        for number, (depth, dilation) in enumerate(_DENSE_BLOCKS, start=1):
            layers[f"block{number}"] = _DenseBlock(channels, depth, dilation)
            channels += depth * _GROWTH
            layers[f"transit{number}"] = _Transit(channels, channels // 2)
            channels //= 2
        layers["out_nonlinear"] = _activation(channels)
        layers["stats"] = _MeanAndDeviation()
        layers["dense"] = _Embedding(2 * channels)
        self.xvector = nn.Sequential(layers)

    def forward(self, features_BTF: Tensor) -> Tensor:
        """The vectors, not yet of unit length."""
        vectors: Tensor = self.xvector(self.head(features_BTF.transpose(1, 2)))
        return vectors


def _activation(channels: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU()))


class _Residual(nn.Module):
    """Two 3x3 convolutions over (band, frame) and a way around them; strides over bands only."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, (stride, 1), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.Conv2d(channels, channels, 1, (stride, 1), bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))


class _Head(nn.Module):
    """``[B, F, T]`` -> ``[B, C * F / 8, T]``: bands are halved three times, frames never."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(_Residual(channels, 2), _Residual(channels, 1))
        self.layer2 = nn.Sequential(_Residual(channels, 2), _Residual(channels, 1))
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.out_channels = channels * MEL_BANDS // 8

    def forward(self, features_BFT: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(features_BFT.unsqueeze(1))))
        x = functional.relu(self.bn2(self.conv2(self.layer2(self.layer1(x)))))
        return x.flatten(1, 2)


class _TimeDelay(nn.Module):
    """One convolution over 5 frames that keeps every second one."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(in_channels, out_channels, 5, stride=2, padding=2, bias=False)
        self.nonlinear = _activation(out_channels)

    def forward(self, x_BCT: Tensor) -> Tensor:
        x: Tensor = self.nonlinear(self.linear(x_BCT))
        return x


class _ContextGate(nn.Module):
    """A convolution, masked by what the whole window and the 2 s around each frame hold."""

    def __init__(self, in_channels: int, dilation: int) -> None:
        super().__init__()
        half = in_channels // 2
        self.linear_local = nn.Conv1d(
            in_channels, _GROWTH, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.linear1 = nn.Conv1d(in_channels, half, 1)
        self.linear2 = nn.Conv1d(half, _GROWTH, 1)

    def forward(self, x_BCT: Tensor) -> Tensor:
        local = functional.avg_pool1d(x_BCT, _CONTEXT, _CONTEXT, ceil_mode=True)
        local = local.repeat_interleave(_CONTEXT, dim=-1)[..., : x_BCT.shape[-1]]
        context = x_BCT.mean(-1, keepdim=True) + local
        mask = torch.sigmoid(self.linear2(functional.relu(self.linear1(context))))
        gated: Tensor = self.linear_local(x_BCT) * mask
        return gated


class _DenseLayer(nn.Module):
    def __init__(self, in_channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _activation(in_channels)
        self.linear1 = nn.Conv1d(in_channels, 4 * _GROWTH, 1, bias=False)
        self.nonlinear2 = _activation(4 * _GROWTH)
        self.cam_layer = _ContextGate(4 * _GROWTH, dilation)

    def forward(self, x_BCT: Tensor) -> Tensor:
        added: Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x_BCT))))
        return added


class _DenseBlock(nn.Module):
    """Layers that each see what all before them gave."""

    def __init__(self, channels: int, depth: int, dilation: int) -> None:
        super().__init__()
        for number in range(depth):
            layer = _DenseLayer(channels + number * _GROWTH, dilation)
            self.add_module(f"tdnnd{number + 1}", layer)

    def forward(self, x_BCT: Tensor) -> Tensor:
        for layer in self.children():
            x_BCT = torch.cat([x_BCT, layer(x_BCT)], dim=1)
        return x_BCT


class _Transit(nn.Module):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.nonlinear = _activation(in_channels)
        self.linear = nn.Conv1d(in_channels, out_channels, 1, bias=False)

    def forward(self, x_BCT: Tensor) -> Tensor:
        x: Tensor = self.linear(self.nonlinear(x_BCT))
        return x


class _MeanAndDeviation(nn.Module):
    """Over frames; a single frame has no deviation."""

    def forward(self, x_BCT: Tensor) -> Tensor:
        mean = x_BCT.mean(-1)
        deviation = x_BCT.std(-1) if x_BCT.shape[-1] > 1 else torch.full_like(mean, 1e-2)
        return torch.cat([mean, deviation], dim=-1)


class _Embedding(nn.Module):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(in_channels, EMBEDDING_SIZE, 1, bias=False)
        self.nonlinear = nn.Sequential(
            OrderedDict(batchnorm=nn.BatchNorm1d(EMBEDDING_SIZE, affine=False))
        )

    def forward(self, pooled_BC: Tensor) -> Tensor:
        vectors: Tensor = self.nonlinear(self.linear(pooled_BC.unsqueeze(-1)).squeeze(-1))
        return vectors
