"""emotion2vec+ large through funasr (Ma et al., 2024): how likely each of nine emotions is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acoustics.funasr_models import FunasrError, ask, load_funasr
from trainer.audio_models.protocol import Emotions, Samples
from trainer.audio_models.settings import EmotionSettings
from trainer.errors import TrainerError, UsageError

# English labels of the model, and the words by which corpora and instructions mean them.
_WORDS: dict[str, tuple[str, ...]] = {
    "angry": ("anger", "生气", "愤怒"),
    "disgusted": ("disgust", "厌恶"),
    "fearful": ("fear", "恐惧", "害怕"),
    "happy": ("happiness", "joy", "开心", "高兴", "快乐"),
    "neutral": ("中立", "中性"),
    "other": ("其他",),
    "sad": ("sadness", "难过", "悲伤"),
    "surprised": ("surprise", "吃惊", "惊讶"),
    "<unk>": ("unknown", "未知"),
}
LABELS = tuple(_WORDS)
FLEXIVOICE_LABELS = ("neutral", "happy", "angry", "sad", "surprised")  # FlexiVoice 3.2.1
_LABEL_OF = {word: label for label, words in _WORDS.items() for word in (label, *words)}


class UnknownEmotion(ValueError):
    """A word that stands for none of the nine emotions."""


def emotion_label(word: str, among: Sequence[str] | None = None) -> str:
    """The model's English label for an emotion's name, English or Chinese.

    Args:
        word: the name.
        among: labels that it has to be one of; None: all nine.

    Raises:
        UnknownEmotion: it stands for none.

    >>> emotion_label("Surprise"), emotion_label("难过")
    ('surprised', 'sad')
    """
    label = _LABEL_OF.get(word.strip().lower())
    if label is None or label not in (among or LABELS):
        raise UnknownEmotion(f"emotion {word!r} is none of {', '.join(among or LABELS)}")
    return label


def read_scores(labels: Sequence[str], scores: Sequence[float]) -> Emotions:
    """What the model answered, by English label.

    Args:
        labels: as it writes them: `生气/angry`, `<unk>`.
        scores: one each.

    Raises:
        TrainerError: these are not the nine emotions with a score each.

    >>> labels = [f"x/{label}" for label in LABELS[:-1]] + ["<unk>"]
    >>> read_scores(labels, [0.9] + [0.0125] * 8).scores["angry"]
    0.9
    """
    names = [label.rsplit("/", 1)[-1].strip().lower() for label in labels]
    if sorted(names) != sorted(LABELS) or len(scores) != len(names):
        raise TrainerError(
            f"the emotion model answered {len(scores)} scores for the labels {list(labels)}, not "
            f"one for each of {', '.join(LABELS)}: name an emotion2vec+ model"
        )
    return Emotions(dict(zip(names, map(float, scores), strict=True)))


def probability(emotions: Emotions, label: str, among: Sequence[str] | None) -> float:
    """How likely a label is, of all nine or of a few that are scaled to sum to 1.

    NaN where the few have no probability at all.
    """
    if among is None:
        return emotions.scores[label]
    total = sum(emotions.scores[name] for name in among)
    return emotions.scores[label] / total if total > 0 else math.nan


def likeliest(emotions: Emotions, among: Sequence[str] | None) -> str:
    """The emotion that was heard: the likeliest of all nine or of a few.

    Of equally likely ones the first: of the few in their order, of all in the model's.

    >>> likeliest(Emotions({"other": 0.6, "sad": 0.3, "happy": 0.1}), ("happy", "sad"))
    'sad'
    """
    return max(among or tuple(emotions.scores), key=emotions.scores.__getitem__)


class Emotion2Vec:
    """Loaded when it is first asked. No embedded model stands in for it: none hears emotions."""

    def __init__(self, settings: EmotionSettings | None = None) -> None:
        """Takes the model's name or folder."""
        self._settings = settings or EmotionSettings()

    @property
    def identity(self) -> Mapping[str, object]:
        """The model and the hub it is from."""
        return {"emotion": self._settings.model, "hub": self._settings.hub}

    def load(self) -> None:
        """Loads the model now; a command does so before work begins.

        Raises:
            UsageError: funasr is not installed, or the model cannot be loaded.
        """
        _ = self._model

    def classify(self, speech: Sequence[Samples]) -> list[Emotions]:
        """The nine emotions' probabilities in each stretch of speech.

        Raises:
            UsageError: see `load`.
            TrainerError: the model answers with something else.
        """
        answers = ask(self._model, list(speech), granularity="utterance", extract_embedding=False)
        return [read_scores(answer["labels"], answer["scores"]) for answer in answers]

    def embed(self, speech: Sequence[Samples]) -> list[NDArray[np.float32]]:
        """One emotion vector a stretch of speech, as E-SIM compares them (FlexiVoice 5.1)."""
        answers = ask(self._model, list(speech), granularity="utterance", extract_embedding=True)
        return [np.asarray(answer["feats"], dtype=np.float32) for answer in answers]

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 - funasr has no types
        settings = self._settings
        try:
            return load_funasr(settings.model, settings.hub, settings.device, "emotion.model")
        except FunasrError as error:
            raise UsageError(str(error)) from error
