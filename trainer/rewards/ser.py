"""r_ser: how likely the instructed emotion is in what is heard (FlexiVoice 3.2.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from trainer.audio_models.emotion2vec import (
    FLEXIVOICE_LABELS,
    UnknownEmotion,
    emotion_label,
    likeliest,
    probability,
)
from trainer.audio_models.protocol import EmotionClassifier, Emotions
from trainer.errors import DataError
from trainer.rewards.base import RewardBase
from trainer.rewards.protocol import RewardRequest, RewardTarget, Scores
from trainer.rewards.settings import SerSettings


class EmotionReward(RewardBase):
    """In (0, 1): the classifier's probability of the target emotion; or 0 and 1, by argmax."""

    needs_speech, needs_reference = True, False
    silence: float | None = 0.0  # no speech carries no emotion

    def __init__(
        self, classifier: EmotionClassifier, settings: SerSettings, name: str = "ser"
    ) -> None:
        """Takes the classifier, and how its nine scores become one."""
        super().__init__(name)
        self._classifier = classifier
        self._settings = settings
        self._among = None if settings.labels == "all" else FLEXIVOICE_LABELS

    @property
    def identity(self) -> Mapping[str, object]:
        """The classifier and the choices."""
        settings = self._settings
        return {**self._classifier.identity, "score": settings.score, "labels": settings.labels}

    def check(self, target: RewardTarget) -> None:
        """Checks that the row names an emotion that the classifier knows.

        Raises:
            DataError: it names none, or another one.
        """
        self._label(target)

    async def score(self, requests: Sequence[RewardRequest]) -> Scores:
        """The scores, in order."""
        speech = [request.speech for request in requests if request.speech is not None]
        heard = await asyncio.to_thread(self._classifier.classify, speech)
        return [
            self._score(emotions, self._label(request.target))
            for emotions, request in zip(heard, requests, strict=True)
        ]

    def _score(self, emotions: Emotions, label: str) -> float:
        if self._settings.score == "probability":
            return probability(emotions, label, self._among)
        return float(likeliest(emotions, self._among) == label)

    def _label(self, target: RewardTarget) -> str:
        if not target.emotion:
            raise DataError(f"row {target.key} asks for {self.name} and names no emotion")
        try:
            label = emotion_label(target.emotion)
        except UnknownEmotion as error:
            raise DataError(f"row {target.key} asks for {self.name}: {error}") from error
        if self._among is not None and label not in self._among:
            raise DataError(
                f"row {target.key} asks for {self.name}: {label} is none of "
                f"{', '.join(self._among)}; set ser.labels to all, or leave the row out"
            )
        return label
