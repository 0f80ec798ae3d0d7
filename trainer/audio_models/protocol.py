"""What the models that listen can do, whichever they are.

Shapes: speech is ``[T]`` float32 samples at 16 kHz, -1 to 1, one channel; B stretches of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000  # all models here listen at this rate

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Emotions:
    """How likely each emotion is in one stretch of speech; of Emotion2vec, nine that sum to 1."""

    scores: Mapping[str, float]  # by English label in lower case


class EmotionClassifier(Protocol):
    """Hears emotions."""

    @property
    def identity(self) -> Mapping[str, object]:
        """Everything that changes its answers, to be kept beside scores."""
        ...

    def classify(self, speech: Sequence[Samples]) -> list[Emotions]:
        """The emotions in each stretch of speech."""
        ...


class SpeakerEncoder(Protocol):
    """Hears who speaks."""

    @property
    def identity(self) -> Mapping[str, object]:
        """Everything that changes its vectors."""
        ...

    def embed(self, speech: Sequence[Samples]) -> NDArray[np.float32]:
        """One vector of length 1 for each stretch of speech, ``[B, D]``."""
        ...


class Transcriber(Protocol):
    """Writes down what is said."""

    def load(self) -> None:
        """Loads its models now; else they are loaded when it is first asked.

        Raises:
            UsageError: one cannot be had.
        """
        ...

    @property
    def identity(self) -> Mapping[str, object]:
        """Everything that changes its texts."""
        ...

    def transcribe(self, speech: Sequence[Samples], languages: Sequence[str]) -> list[str]:
        """The words of each stretch of speech, as the model writes them.

        Args:
            speech: at 16 kHz.
            languages: of each; ISO 639-1.
        """
        ...
