"""Emotions: ACC-I, ACC-T, ACC-R and E-SIM (FlexiVoice 5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainer.audio_models.emotion2vec import Emotion2Vec
from trainer.evaluating.case import DECOUPLING, Case
from trainer.evaluating.judges.protocol import Verdict
from trainer.evaluating.settings import EmotionJudgeSettings
from trainer.evaluating.spoken import Sounds, Spoken


class EmotionJudge:
    """Which emotion is heard, and how near it is to the ground truth's (FlexiVoice 5.1)."""

    name = "emotion"
    fallible = False

    def __init__(self, settings: EmotionJudgeSettings) -> None:
        """Loads emotion2vec+.

        Raises:
            UsageError: it is not there.
        """
        self._model = Emotion2Vec(settings.model)
        self._model.load()
        self.label = f"{settings.model.model}, likeliest of {settings.labels}"

    @property
    def identity(self) -> Mapping[str, object]:
        """The model."""
        return self._model.identity

    def wants(self, case: Case) -> bool:
        """The decoupling sets."""
        return case.task in DECOUPLING

    def depends(self, case: Case) -> Mapping[str, object]:
        """The ground truth."""
        return {"codec": case.codec, "codes": case.truth_codes, "audio": case.truth_audio}

    def hear(self, batch: Sequence[Spoken], sounds: Sounds) -> list[Verdict]:
        """Scores and vectors; the ground truth's vector where there is one."""
        speech = [sounds.spoken(one) for one in batch]
        truths = [sounds.truth(one.case) for one in batch]
        heard = self._model.classify(speech)
        vectors = self._model.embed(speech)
        against = iter(self._model.embed([one for one in truths if one is not None]))
        return [
            {
                "labels": tuple(emotions.scores),
                "scores": tuple(emotions.scores.values()),
                "vector": tuple(map(float, vector)),
                "against": () if truth is None else tuple(map(float, next(against))),
            }
            for emotions, vector, truth in zip(heard, vectors, truths, strict=True)
        ]
