"""Separators: from a mix of everything to the voices in it, one bounded chunk at a time.

What calls them cuts a recording into chunks that overlap and fades one into the next
(:mod:`pipelines.stages.chunking`), so no separator ever holds a recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from pipelines.backends.device import choose_device
from pipelines.backends.media_settings import SeparateSettings
from pipelines.sound import Samples

SeparatorBackend = Literal["demucs", "embedded"]


class Separator(Protocol):
    """A model that hears the voices in a mix. Making one loads nothing."""

    @property
    def name(self) -> str:
        """Backend and model, as the stage's facts name them."""

    @property
    def identity(self) -> Mapping[str, object]:
        """What the vocals depend on: model, hash of its weights, parameters; not the device.

        Raises:
            UsageError: the weights cannot be found.
        """

    @property
    def sample_rate_hz(self) -> int:
        """Of the mix and of the vocals."""

    @property
    def num_channels(self) -> int:
        """Of the mix and of the vocals."""

    @property
    def grid_frames(self) -> int:
        """Chunks that begin at multiples of this (in samples) agree best where they overlap."""

    def check(self) -> None:
        """Makes sure that the model can be had, before any work begins.

        Raises:
            UsageError: it cannot; the message says what to do.
        """

    def separate(self, mix: Samples) -> Samples:
        """The vocals of one chunk, [channels, frames] as the mix is.

        Raises:
            UsageError: the model cannot be loaded.
        """


def choose_backend(settings: SeparateSettings) -> SeparatorBackend:
    """The backend that ``auto`` stands for on this machine: Demucs (MCLP 5.1) needs a GPU."""
    if settings.backend != "auto":
        return settings.backend
    return "demucs" if choose_device(settings.device) == "cuda" else "embedded"


def make_separator(settings: SeparateSettings) -> Separator:
    """The separator that the settings name."""
    if choose_backend(settings) == "demucs":
        from pipelines.backends.demucs_separator import DemucsSeparator

        return DemucsSeparator(settings.demucs, settings.device)
    from pipelines.backends.spleeter_separator import SpleeterSeparator

    return SpleeterSeparator(settings.embedded, settings.device)
