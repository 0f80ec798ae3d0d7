"""The registry of style classifiers: from a name in ``params.yaml`` to a model that hears styles.

MCLP 5.3 used an internal model that tells neutral speech from the rest. The public one that comes
nearest is emotion2vec+; nothing of use is embedded, so where it is missing no style is judged.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UsageError
from pipelines.stages.settings import StyleSettings

SAMPLE_RATE_HZ = 16_000


class StyleModel(Protocol):
    """Hears in which style something is spoken."""

    @property
    def name(self) -> str:
        """Backend and model, for the stage's facts."""

    @property
    def identity(self) -> Mapping[str, object]:
        """Everything that changes the labels."""

    def label(self, speech: NDArray[np.float32], /) -> str:
        """The style of one stretch of speech, [frames] at 16 kHz, -1 to 1; in lower case."""


def chosen_backend(settings: StyleSettings) -> Literal["emotion2vec", "none"]:
    """The backend to use: ``auto`` means emotion2vec where funasr is installed."""
    if settings.backend != "auto":
        return settings.backend
    return "emotion2vec" if importlib.util.find_spec("funasr") is not None else "none"


def make_style_model(settings: StyleSettings) -> StyleModel | None:
    """The model, None for ``none``; its weights are not loaded before the first label.

    Raises:
        UsageError: funasr is asked for by name and is not installed.
    """
    if chosen_backend(settings) == "none":
        return None
    if importlib.util.find_spec("funasr") is None:
        raise UsageError(
            "style.backend: emotion2vec needs the package funasr, which is not installed: "
            "`pip install funasr`, or set style.backend to auto or none"
        )
    from pipelines.backends.emotion2vec import Emotion2Vec

    return Emotion2Vec(settings)
