"""Sound <-> blocks of log-mel frames, the features that the k-means codec quantizes.

A short-time Fourier transform every ``hop`` samples, a mel filter bank, a logarithm; then ``stack``
of these frames together are the block that becomes one code. Sound comes back by the filter bank's
pseudo-inverse and Griffin and Lim's iteration (fast variant: Perraudin et al. 2013) from a phase
that is the same every time.

Shapes: T samples, S spectral frames, F blocks (`S = F * stack`), M mel bands, N = n_fft // 2 + 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch

_FLOOR = 1e-5  # of mel amplitudes; log of it is -11.5
_MOMENTUM = 0.99


@dataclass(frozen=True, kw_only=True)
class LogMel:
    """One choice of the features; equal choices give equal features."""

    sample_rate: int  # Hz
    hop: int  # samples from one spectral frame to the next
    stack: int  # spectral frames a block
    n_mels: int = 80

    @property
    def block(self) -> int:
        """Samples a block stands for."""
        return self.hop * self.stack

    @property
    def dim(self) -> int:
        """Numbers in a block."""
        return self.n_mels * self.stack

    @property
    def n_fft(self) -> int:
        """Samples of a window, a power of two of at least four hops."""
        return 1 << (4 * self.hop - 1).bit_length()

    @cached_property
    def _filters_MN(self) -> torch.Tensor:
        return mel_filters(self.sample_rate, self.n_fft, self.n_mels)

    @cached_property
    def _inverse_NM(self) -> torch.Tensor:
        inverse: torch.Tensor = torch.linalg.pinv(self._filters_MN.double())
        return inverse.float()

    @cached_property
    def _window(self) -> torch.Tensor:
        return torch.hann_window(self.n_fft)

    def blocks(self, num_samples: int) -> int:
        """How many blocks a stretch of sound has: to the nearest, and one at least.

        >>> mel = LogMel(sample_rate=16000, hop=160, stack=4)
        >>> [mel.blocks(n) for n in (1, 640, 959, 960)]
        [1, 1, 1, 2]
        """
        return max(1, (2 * num_samples + self.block) // (2 * self.block))

    def __call__(self, audio_T: torch.Tensor) -> torch.Tensor:
        """Blocks ``[F, dim]`` of one stretch of sound; empty where there is no sample."""
        if not len(audio_T):
            return torch.empty(0, self.dim)
        samples = self.blocks(len(audio_T)) * self.block
        # Silence before and after, not reflection: a block depends on no more than its window.
        around = self.n_fft // 2
        audio_T = torch.nn.functional.pad(audio_T[:samples], (around, 0))
        audio_T = torch.nn.functional.pad(audio_T, (0, samples + 2 * around - len(audio_T)))
        spectrum_NS = self._transform(audio_T)
        mel_MS = self._filters_MN @ spectrum_NS.abs()
        frames = mel_MS.clamp_min(_FLOOR).log().T[: samples // self.hop]
        return frames.reshape(-1, self.dim)

    def invert(self, blocks_FD: torch.Tensor, iterations: int) -> torch.Tensor:
        """Sound ``[F * block]`` whose features are near the blocks.

        Args:
            blocks_FD: log-mel blocks.
            iterations: of Griffin and Lim's algorithm.
        """
        mel_MS = blocks_FD.reshape(-1, self.n_mels).exp().T
        amplitude_NS = (self._inverse_NM @ mel_MS).clamp_min(0.0)
        amplitude_NS = torch.nn.functional.pad(amplitude_NS, (0, 1))  # istft's last frame
        bins = torch.arange(self.n_fft // 2 + 1).double()[:, None]
        steps = torch.arange(amplitude_NS.shape[1]).double()[None, :]
        # Each bin begins as a steady tone at its own frequency.
        turn = torch.remainder(bins * steps * self.hop / self.n_fft, 1.0) * (2 * math.pi)
        phase = torch.polar(torch.ones_like(turn), turn).to(torch.complex64)
        before = torch.zeros_like(phase)
        length = len(blocks_FD) * self.block
        for _ in range(iterations):
            sound = self._inverse(amplitude_NS * phase, length)
            around = self.n_fft // 2
            rebuilt = self._transform(torch.nn.functional.pad(sound, (around, around)))
            phase = rebuilt + _MOMENTUM / (1 + _MOMENTUM) * (rebuilt - before)
            phase = phase / phase.abs().clamp_min(1e-8)
            before = rebuilt
        return self._inverse(amplitude_NS * phase, length)

    def _transform(self, padded_T: torch.Tensor) -> torch.Tensor:
        return torch.stft(
            padded_T,
            self.n_fft,
            hop_length=self.hop,
            window=self._window,
            center=False,
            return_complex=True,
        )

    def _inverse(self, spectrum_NS: torch.Tensor, length: int) -> torch.Tensor:
        return torch.istft(
            spectrum_NS,
            self.n_fft,
            hop_length=self.hop,
            window=self._window,
            center=True,
            length=length,
        )


def mel_filters(sample_rate: int, n_fft: int, n_mels: int) -> torch.Tensor:
    """Triangular filters ``[n_mels, n_fft // 2 + 1]``, evenly spaced in mel up to half the rate.

    >>> filters = mel_filters(16000, 1024, 80)
    >>> bool((filters.amax(dim=1) > 0).all())
    True
    """
    top = 2595 * math.log10(1 + sample_rate / 2 / 700)
    mels = torch.linspace(0.0, top, n_mels + 2, dtype=torch.float64)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = torch.linspace(0.0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    rising = (bins[None, :] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None, :]) / (edges[2:] - edges[1:-1])[:, None]
    filters = torch.minimum(rising, falling).clamp_min(0.0)
    # Narrow ones may fall between two bins; at 80 bands and 64 Hz a bin the lowest nearly do.
    return (filters / filters.sum(dim=1, keepdim=True).clamp_min(1e-3)).float()
