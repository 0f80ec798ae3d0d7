"""MCLP as a reward: how likely the ground truth's speech is after the rollout's (MCLP eq. 7)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence

from trainer.errors import DataError, LayoutError
from trainer.mclp import MclpScorer, Pair
from trainer.rewards.base import RewardBase
from trainer.rewards.protocol import RewardRequest, RewardTarget, Scores

MALFORMED = "malformed"


class MclpReward(RewardBase):
    """Nats a token, below 0; higher is better. The scorer is frozen and never the policy."""

    needs_speech, needs_reference = False, False
    silence: float | None = None  # nothing to continue; the gate makes such a rollout 0 anyway

    def __init__(
        self, scorer: MclpScorer, raw_end_id: int | None = None, name: str = "mclp"
    ) -> None:
        """Takes the scorer.

        Args:
            scorer: with the policy's own speech tokens.
            raw_end_id: score the rollout's tokens as they were sampled, up to this id; None: its
                codes, put together with the transcript anew.
            name: that rows ask for.
        """
        super().__init__(name)
        self._scorer = scorer
        self._raw_end_id = raw_end_id

    @property
    def identity(self) -> Mapping[str, object]:
        """The scorer and the form of the candidate."""
        return {
            **self._scorer.identity,
            "candidate": "interleaved" if self._raw_end_id is None else "raw",
        }

    def check(self, target: RewardTarget) -> None:
        """Checks that the row has a ground truth that can be scored.

        Raises:
            DataError: it has none, or one that is no speech of this vocabulary.
        """
        try:
            self._scorer.row(Pair(target.text, target.truth_codes, target.truth_codes))
        except LayoutError as error:
            raise DataError(f"row {target.key} asks for {self.name}: {error}") from error

    async def score(self, requests: Sequence[RewardRequest]) -> Scores:
        """The scores, in order; None for a rollout that the scorer cannot read."""
        return await asyncio.to_thread(self._score, requests)

    def _score(self, requests: Sequence[RewardRequest]) -> Scores:
        readable: list[int] = []
        pairs: list[Pair] = []
        for index, request in enumerate(requests):
            pair = self._pair(request)
            try:
                self._scorer.row(pair)
            except LayoutError:
                self.causes[MALFORMED] += 1
                continue
            readable.append(index)
            pairs.append(pair)
        scores: Scores = [None] * len(requests)
        for index, score in zip(readable, self._scorer.score(pairs), strict=True):
            scores[index] = score
        return scores

    def _pair(self, request: RewardRequest) -> Pair:
        target = request.target
        raw = None
        if self._raw_end_id is not None:
            raw = tuple(itertools.takewhile(lambda one: one != self._raw_end_id, request.ids))
        return Pair(target.text, request.codes, target.truth_codes, raw)
