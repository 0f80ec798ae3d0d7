"""Diarizers: who speaks when in one bounded chunk of a recording, and what they sound like.

What calls them cuts a recording into chunks at quiet places and links the speakers of the chunks by
their voices (:mod:`pipelines.stages.linking`), so no diarizer ever holds a recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.backends.device import choose_device
from pipelines.backends.media_settings import DiarizeSettings
from schemas.episode import SpeechTurn

DiarizerBackend = Literal["pyannote", "embedded"]
Voice = NDArray[np.float32]  # of length 1; only vectors of one model can be compared


@dataclass(frozen=True)
class ChunkDiarization:
    """Who speaks when in a chunk."""

    turns: tuple[SpeechTurn, ...]  # seconds from the start of the chunk; labels are the chunk's own
    voices: Mapping[str, Voice]  # by label; a label that is missing has no usable one


class Diarizer(Protocol):
    """A model that tells speakers apart. Making one loads nothing."""

    @property
    def name(self) -> str:
        """Backend and model, as the stage's facts name them."""

    @property
    def identity(self) -> Mapping[str, object]:
        """What the turns depend on: model, hash of its weights, parameters; not the device.

        Raises:
            UsageError: the weights cannot be found.
        """

    @property
    def sample_rate_hz(self) -> int:
        """Of the sound that :meth:`diarize` takes."""

    @property
    def link_distance(self) -> float:
        """Cosine distance up to which the voices of two chunks are one speaker's."""

    def check(self) -> None:
        """Makes sure that the model can be had, before any work begins.

        Raises:
            UsageError: it cannot; the message says what to do.
        """

    def diarize(self, samples: NDArray[np.float32]) -> ChunkDiarization:
        """Who speaks when.

        Args:
            samples: one channel, -1 to 1. Silence has no turns.

        Raises:
            UsageError: the model cannot be loaded.
        """


def choose_backend(settings: DiarizeSettings) -> DiarizerBackend:
    """The backend that ``auto`` stands for on this machine: pyannote (MCLP 5.1) wants a GPU."""
    if settings.backend != "auto":
        return settings.backend
    return "pyannote" if choose_device(settings.device) == "cuda" else "embedded"


def make_diarizer(settings: DiarizeSettings) -> Diarizer:
    """The diarizer that the settings name."""
    if choose_backend(settings) == "pyannote":
        from pipelines.backends.pyannote_diarizer import PyannoteDiarizer

        return PyannoteDiarizer(settings.pyannote, settings.device)
    from pipelines.backends.embedded_diarizer import EmbeddedDiarizer

    return EmbeddedDiarizer(settings.embedded, settings.device)
