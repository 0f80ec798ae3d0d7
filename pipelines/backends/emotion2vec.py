"""emotion2vec+ through funasr: nine labels for how something is said (Ma et al., 2023)."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acoustics.funasr_models import FunasrError, ask, load_funasr
from pipelines.errors import StageFailed, UsageError
from pipelines.stages.settings import StyleSettings
from pipelines.store import file_sha256

WEIGHTS = "model.pt"  # in the model's folder


class Emotion2Vec:
    """A style model whose labels are angry, disgusted, fearful, happy, neutral, ..."""

    def __init__(self, settings: StyleSettings) -> None:
        """Takes the model's name or folder; nothing is loaded yet."""
        self._settings = settings
        self._model: Any = None

    @property
    def name(self) -> str:
        """Backend and model, for the stage's facts."""
        return f"emotion2vec:{Path(self._settings.model).name}"

    @property
    def identity(self) -> Mapping[str, object]:
        """Backend, its version, and the weights: their hash where they lie in a folder."""
        weights = Path(self._settings.model) / WEIGHTS
        return {
            "backend": "emotion2vec",
            "funasr": importlib.metadata.version("funasr"),
            "hub": self._settings.hub,
            "model": file_sha256(str(weights)) if weights.is_file() else self._settings.model,
        }

    def label(self, speech: NDArray[np.float32], /) -> str:
        """The style of one stretch of speech, [frames] at 16 kHz, -1 to 1.

        Raises:
            StageFailed: the model answers with something else than labels and scores.
            UsageError: the model cannot be loaded.
        """
        if self._model is None:
            self._model = self._load()
        (found,) = ask(self._model, [speech], granularity="utterance", extract_embedding=False)
        return best_label(found["labels"], found["scores"])

    def _load(self) -> Any:  # noqa: ANN401  (funasr has no types)
        settings = self._settings
        try:
            return load_funasr(settings.model, settings.hub, settings.device, "style.model")
        except FunasrError as error:
            raise UsageError(f"{error}, or set style.backend to none") from error


def best_label(labels: Sequence[str], scores: Sequence[float]) -> str:
    """The label with the highest score, in English; of equal ones the first.

    Raises:
        StageFailed: no labels, or not one score for each.

    >>> best_label(["生气/angry", "中立/neutral", "<unk>"], [0.2, 0.7, 0.1])
    'neutral'
    """
    if not labels or len(labels) != len(scores):
        raise StageFailed(
            f"the style model gave {len(labels)} labels and {len(scores)} scores; "
            "is style.model in params.yaml an emotion2vec+ model?"
        )
    best = labels[max(range(len(scores)), key=scores.__getitem__)]
    return best.rsplit("/", 1)[-1].strip().lower()
