"""What every speech tokenizer can do.

Shapes: audio is ``[T]`` float32 samples, -1 to 1, one channel, at the tokenizer's own sample rate;
codes are ``[frames]`` int64, 0 to ``cardinality - 1``, ``frame_rate`` of them a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from manifests.codec import CodecIdentity
from trainer.errors import TrainerError


class NotInvertible(TrainerError):
    """A tokenizer whose codes become audio only with a model that it does not bring."""


class SpeechTokenizer(Protocol):
    """A frozen model that turns speech into one code a frame."""

    @property
    def name(self) -> str:
        """What it is called: `kmeans`, `dualcodec:25hz_v1`, `s3:v2_25hz`."""
        ...

    @property
    def frame_rate(self) -> float:
        """Frames of codes a second."""
        ...

    @property
    def sample_rate(self) -> int:
        """Of the audio it takes and gives, Hz."""
        ...

    @property
    def cardinality(self) -> int:
        """How many different codes there are."""
        ...

    @property
    def num_codebooks(self) -> int:
        """Codes a frame; 1 for all that are here."""
        ...

    @property
    def identity(self) -> CodecIdentity:
        """All of the above and a hash of its weights: what is kept beside the codes."""
        ...

    def encode(self, audio: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The codes of each of several stretches of audio, the same as one at a time.

        May give no code for audio shorter than a frame.
        """
        ...

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """The audio of codes.

        Raises:
            NotInvertible: this tokenizer does not bring what that needs.
            DataError: a code is out of range, or there are none.
        """
        ...
