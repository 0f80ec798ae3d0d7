"""All rewards of a batch at once: speech decoded once, every judge asked, failures counted."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from trainer.errors import TrainerError, UsageError
from trainer.rewards.protocol import (
    Combination,
    Reward,
    RewardRequest,
    RewardTable,
    RewardTarget,
    Scores,
)

Listen = Callable[[Sequence[RewardRequest], bool, bool], list[RewardRequest]]

NOT_FINITE = "not_finite"
SILENT = "no_speech"


class RewardHub:
    """Holds the rewards of a run, and one event loop for the connections that they keep open."""

    def __init__(
        self,
        rewards: Sequence[Reward],
        combinations: Sequence[Combination] = (),
        listen: Listen | None = None,
        *,
        dead_batches: int = 3,
    ) -> None:
        """Takes the rewards.

        Args:
            rewards: with different names.
            combinations: of them; a row that asks for one asks for its parts.
            listen: gives requests their sound (`trainer.rewards.speech.Listener`); needed if a
                reward hears any.
            dead_batches: a reward that fails for all rows of so many batches one after the other
                is an error: its server is down, and training would learn nothing from it.

        Raises:
            UsageError: two have the same name, a combination lacks a part, or nothing can listen.
        """
        self._rewards = {reward.name: reward for reward in rewards}
        self._combinations = {one.name: one for one in combinations}
        names = [reward.name for reward in rewards] + [one.name for one in combinations]
        if len(set(names)) < len(names):
            raise UsageError(f"two rewards have the same name: {', '.join(sorted(names))}")
        for one in combinations:
            if missing := set(one.needs) - self._rewards.keys():
                raise UsageError(f"reward {one.name} is made of {', '.join(sorted(missing))} too")
        deaf = [reward.name for reward in rewards if reward.needs_speech or reward.needs_reference]
        if deaf and listen is None:
            raise UsageError(
                f"reward {deaf[0]} hears speech: name the speech tokenizer that makes it from codes"
            )
        self._listen = listen
        self._dead_batches = dead_batches
        self._dead: Counter[str] = Counter()  # batches in a row without one score
        self._runner: asyncio.Runner | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What each reward depends on; logged once a run."""
        return {name: dict(reward.identity) for name, reward in sorted(self._rewards.items())}

    def parts_of(self, target: RewardTarget) -> frozenset[str]:
        """The rewards that a row needs, those of its combinations among them.

        Raises:
            UsageError: it asks for one that is not there.
        """
        found: set[str] = set()
        for name in target.asked:
            if name in self._combinations:
                found.update(self._combinations[name].needs)
            elif name in self._rewards:
                found.add(name)
            else:
                there = ", ".join(sorted(self._rewards.keys() | self._combinations.keys()))
                raise UsageError(f"row {target.key} asks for the reward {name!r}; there: {there}")
        return frozenset(found)

    def check(self, targets: Sequence[RewardTarget]) -> None:
        """Checks that rows have what their rewards take; before training, and with every batch.

        Raises:
            UsageError: a row asks for a reward that is not there.
            DataError: a row lacks what a reward takes.
        """
        for target in targets:
            for name in sorted(self.parts_of(target)):
                self._rewards[name].check(target)

    def score_now(self, requests: Sequence[RewardRequest]) -> RewardTable:
        """As `score`, from code that is not asynchronous; keeps its loop until `close`."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self.score(requests))

    async def score(self, requests: Sequence[RewardRequest]) -> RewardTable:
        """All rewards that the rows ask for.

        Rewards run at the same time; those that hear nothing do not wait for the sound.

        Raises:
            UsageError, DataError: see `check`.
            TrainerError: a reward failed for all its rows of `dead_batches` batches in a row, or a
                model breaks.
        """
        self.check(list({id(request.target): request.target for request in requests}.values()))
        needs = [self.parts_of(request.target) for request in requests]
        rows = {
            name: [row for row, needed in enumerate(needs) if name in needed]
            for name in self._rewards
        }
        heard = asyncio.create_task(self._hear(requests, rows))
        names = [name for name in self._rewards if rows[name]]
        before = {name: Counter(self._rewards[name].causes) for name in names}
        tasks = [
            asyncio.create_task(self._part(self._rewards[name], requests, rows[name], heard))
            for name in names
        ]
        try:
            parts = dict(zip(names, await asyncio.gather(*tasks), strict=True))
            await heard
        finally:
            for task in (heard, *tasks):
                task.cancel()
        return self._table(requests, rows, parts, before)

    async def _hear(
        self, requests: Sequence[RewardRequest], rows: dict[str, list[int]]
    ) -> list[RewardRequest]:
        """The requests with the sound that any reward wants of them."""
        speech = {r for name, one in self._rewards.items() if one.needs_speech for r in rows[name]}
        voice = {
            r for name, one in self._rewards.items() if one.needs_reference for r in rows[name]
        }
        wanted = sorted(speech | voice)
        found = list(requests)
        if not wanted or self._listen is None:
            return found
        heard = await asyncio.to_thread(
            self._listen, [requests[row] for row in wanted], bool(speech), bool(voice)
        )
        for row, request in zip(wanted, heard, strict=True):
            found[row] = request
        return found

    async def _part(
        self,
        reward: Reward,
        requests: Sequence[RewardRequest],
        rows: Sequence[int],
        heard: asyncio.Task[list[RewardRequest]],
    ) -> Scores:
        """One reward for the whole batch; None for rows that do not ask."""
        if reward.needs_speech or reward.needs_reference:
            requests = await asyncio.shield(heard)
        scores: Scores = [None] * len(requests)
        speaking = []
        for row in rows:
            if requests[row].codes:
                speaking.append(row)
            else:
                scores[row] = reward.silence
                if reward.silence is None:
                    reward.causes[SILENT] += 1
        if not speaking:
            return scores
        found = await reward.score([requests[row] for row in speaking])
        if len(found) != len(speaking):
            raise TrainerError(
                f"reward {reward.name} gave {len(found)} scores for {len(speaking)} rollouts"
            )
        for row, score in zip(speaking, found, strict=True):
            if score is not None and not math.isfinite(score):
                reward.causes[NOT_FINITE] += 1
                score = None
            scores[row] = score
        return scores

    def _table(
        self,
        requests: Sequence[RewardRequest],
        rows: dict[str, list[int]],
        parts: dict[str, Scores],
        before: dict[str, Counter[str]],
    ) -> RewardTable:
        asked = Counter({name: len(rows[name]) for name in parts})
        failed = Counter(
            {name: sum(parts[name][row] is None for row in rows[name]) for name in parts}
        )
        causes = {name: self._rewards[name].causes - before[name] for name in parts}
        self._bury(asked, failed, causes)
        rewards: dict[str, Scores] = {}
        passed: dict[str, list[bool | None]] = {}
        for name in sorted({name for request in requests for name in request.target.asked}):
            asks = [name in request.target.asked for request in requests]
            if name not in self._combinations:
                rewards[name] = _only(parts[name], asks)
                continue
            made = self._combinations[name].combine(
                {part: _only(parts[part], asks) for part in self._combinations[name].needs}
            )
            passed[name] = [one if a else None for one, a in zip(made.passed, asks, strict=True)]
            rewards.update({part: _only(scores, asks) for part, scores in made.rewards.items()})
        return RewardTable(rewards, parts, asked, failed, causes, passed)

    def _bury(
        self, asked: Counter[str], failed: Counter[str], causes: dict[str, Counter[str]]
    ) -> None:
        for name in asked:
            self._dead[name] = self._dead[name] + 1 if failed[name] == asked[name] else 0
            if self._dead[name] >= self._dead_batches:
                why = ", ".join(f"{cause} {count}" for cause, count in causes[name].most_common(3))
                raise TrainerError(
                    f"reward {name} gave no score in {self._dead[name]} batches one after the other"
                    f" ({why}): see to its model or server, then go on from the last checkpoint"
                )

    def close(self) -> None:
        """Closes connections, and ends the loop of `score_now`."""
        if self._runner is not None:
            self._runner.run(self.aclose())
            self._runner.close()
            self._runner = None

    async def aclose(self) -> None:
        """Closes the rewards' connections; for those who call `score` in a loop of their own."""
        for reward in self._rewards.values():
            await reward.close()

    def __enter__(self) -> Self:
        """The hub itself."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Closes it."""
        self.close()


def _only(scores: Scores, asks: Sequence[bool]) -> Scores:
    return [score if ask else None for score, ask in zip(scores, asks, strict=True)]
