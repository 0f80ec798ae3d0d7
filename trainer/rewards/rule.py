"""A reward that is a rule about codes: for tests and the demo, where a number must go up.

No paper has it and no model of speech is in it. Nothing that is to be heard is trained with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainer.rewards.base import RewardBase
from trainer.rewards.protocol import RewardRequest, RewardTarget, Scores
from trainer.rewards.settings import RuleSettings


class RuleReward(RewardBase):
    """The share of codes in a range, or how near the speech is to a length; in 0 to 1."""

    needs_speech, needs_reference = False, False
    silence: float | None = 0.0

    def __init__(self, settings: RuleSettings, name: str = "rule") -> None:
        """Takes the rule."""
        super().__init__(name)
        self._settings = settings

    @property
    def identity(self) -> Mapping[str, object]:
        """The rule."""
        return self._settings.model_dump()

    def check(self, target: RewardTarget) -> None:
        """Every row can be judged."""

    async def score(self, requests: Sequence[RewardRequest]) -> Scores:
        """The scores, in order."""
        return [self._score(request.codes) for request in requests]

    def _score(self, codes: Sequence[int]) -> float:
        settings = self._settings
        if settings.rule == "length":
            return max(0.0, 1.0 - abs(len(codes) - settings.length) / settings.length)
        return sum(settings.first <= code <= settings.last for code in codes) / len(codes)
