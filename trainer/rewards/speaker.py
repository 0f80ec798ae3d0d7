"""r_sv: whether the voice is that of the reference (FlexiVoice 3.2.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from trainer.audio_models.protocol import Samples, SpeakerEncoder
from trainer.errors import DataError
from trainer.rewards.base import RewardBase
from trainer.rewards.protocol import RewardRequest, RewardTarget, Scores
from trainer.rewards.settings import SvSettings


class SpeakerReward(RewardBase):
    """1 where the cosine of the two voices is at least the threshold, else 0; or the cosine.

    The paper compared both and took the decision: a cosine falls with expressive speech too, and
    so works against r_ser (A.6).
    """

    needs_speech, needs_reference = True, True
    silence: float | None = 0.0  # nobody's voice

    def __init__(self, encoder: SpeakerEncoder, settings: SvSettings, name: str = "sv") -> None:
        """Takes the encoder and the threshold."""
        super().__init__(name)
        self._encoder = encoder
        self._settings = settings

    @property
    def identity(self) -> Mapping[str, object]:
        """The encoder and the choices."""
        settings = self._settings
        return {
            **self._encoder.identity,
            "score": settings.score,
            "threshold": settings.threshold,
        }

    def check(self, target: RewardTarget) -> None:
        """Checks that the row has a reference.

        Raises:
            DataError: it has none.
        """
        if target.reference_speech is None and not target.reference_codes:
            raise DataError(f"row {target.key} asks for {self.name} and has no reference speech")

    async def score(self, requests: Sequence[RewardRequest]) -> Scores:
        """The scores, in order; a reference is embedded once for its whole group."""
        return await asyncio.to_thread(self._score, requests)

    def _score(self, requests: Sequence[RewardRequest]) -> Scores:
        references: dict[int, Samples] = {}
        spoken = []
        for request in requests:
            assert request.speech is not None and request.reference is not None
            spoken.append(request.speech)
            references[id(request.reference)] = request.reference
        vectors = self._encoder.embed([*spoken, *references.values()])
        place = {key: len(spoken) + index for index, key in enumerate(references)}
        scores: Scores = []
        for index, request in enumerate(requests):
            cosine = float(vectors[index] @ vectors[place[id(request.reference)]])
            if self._settings.score == "cosine" or cosine != cosine:  # NaN is counted by the hub
                scores.append(cosine)
            else:
                scores.append(float(cosine >= self._settings.threshold))
        return scores
