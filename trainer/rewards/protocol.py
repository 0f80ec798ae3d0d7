"""What a rollout is judged by, and what every reward can do.

A reward is a float, or None: it was not asked for this row, or it could not be had. None is never
0, which would say that the rollout is bad (`trainer.advantages` leaves None out).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trainer.audio_models.protocol import Samples

Scores = list[float | None]


@dataclass(frozen=True, slots=True)
class RewardTarget:
    """What the rollouts of one prompt should be like, and which rewards say whether they are.

    Rows of FlexiVoice's S2 ask for `ser` and `sv`, those of S3 for `llm`, in one batch.
    """

    key: str  # of the prompt
    asked: frozenset[str]  # names of rewards, or of what is combined from them
    text: str = ""  # that should be said
    language: str = ""  # ISO 639-1
    instruction: str | None = None  # how; what `llm` judges
    emotion: str | None = None  # that the instruction names; what `ser` hears for
    reference_codes: tuple[int, ...] = ()  # speech of the voice that `sv` listens for
    reference_speech: Samples | None = None  # the same as recorded, 16 kHz; preferred to codes
    truth_codes: tuple[int, ...] = ()  # the ground truth's speech, for `mclp`


@dataclass(frozen=True, slots=True, eq=False)
class RewardRequest:
    """One rollout to be judged."""

    target: RewardTarget
    codes: tuple[int, ...]  # empty where the rollout said nothing
    ids: tuple[int, ...] = ()  # token ids as they were sampled
    speech: Samples | None = None  # `[T]` at 16 kHz; there if a reward that is asked needs it
    reference: Samples | None = None  # likewise


class Reward(Protocol):
    """One judge. Rollouts without any speech do not reach it: they are worth `silence`."""

    name: str
    needs_speech: bool  # the request's `speech` has to be there
    needs_reference: bool  # likewise `reference`
    silence: float | None  # of a rollout that said nothing; None: not known
    causes: Counter[str]  # why rows got None, since the beginning

    @property
    def identity(self) -> Mapping[str, object]:
        """Everything that changes its scores; logged once a run."""
        ...

    def check(self, target: RewardTarget) -> None:
        """Checks that a row that asks for this reward has what it takes.

        Raises:
            DataError: it has not; the message names the row and what is missing.
        """
        ...

    async def score(self, requests: Sequence[RewardRequest]) -> Scores:
        """The score of each request, None and a cause where it cannot be had.

        Only called with rows that ask for it and that have speech. What a person can mend, such as
        a model that is not there, is raised.
        """
        ...

    async def close(self) -> None:
        """Lets go of what is kept open between batches."""
        ...


@dataclass(frozen=True, slots=True)
class Combined:
    """Rewards made of others."""

    rewards: dict[str, Scores]  # by name
    passed: list[bool]  # who survived a gate, where there is one; else everyone who has a reward


class Combination(Protocol):
    """Makes rewards of other rewards, when all have answered."""

    name: str  # what rows ask for
    needs: tuple[str, ...]  # the rewards it is made of

    def combine(self, parts: Mapping[str, Scores]) -> Combined:
        """The combined rewards of a batch, of which some rows may have all parts None."""
        ...


@dataclass(frozen=True, slots=True)
class RewardTable:
    """All rewards of a batch, one value a rollout."""

    rewards: dict[str, Scores]  # for `trainer.advantages`: what rows asked for by name
    parts: dict[str, Scores]  # everything that was scored; for the log
    asked: Counter[str]  # by part: rows that needed it
    failed: Counter[str]  # by part: those of them that got None
    causes: dict[str, Counter[str]]  # by part: why, in this batch
    # By combination: who survived its gate; None where it was not asked for.
    passed: dict[str, list[bool | None]] = field(default_factory=dict)

    def facts(self) -> dict[str, float]:
        """Means and shares of failures, for the log.

        >>> table = RewardTable({}, {"sv": [1.0, None, 0.0]}, Counter(sv=3), Counter(sv=1), {})
        >>> table.facts()["sv"], round(table.facts()["sv_failed"], 2)
        (0.5, 0.33)
        """
        found: dict[str, float] = {}
        for name, scores in (self.parts | self.rewards).items():
            given = [score for score in scores if score is not None]
            if given:
                found[name] = sum(given) / len(given)
            if self.asked[name]:
                found[f"{name}_failed"] = self.failed[name] / self.asked[name]
        for name, passed in self.passed.items():
            asked = [one for one in passed if one is not None]
            found[f"{name}_passed"] = sum(asked) / max(len(asked), 1)
        return found


def requests_of(
    targets: Sequence[RewardTarget],
    codes: Sequence[Sequence[int]],
    ids: Sequence[Sequence[int]] | None = None,
) -> list[RewardRequest]:
    """One request a rollout, group after group.

    Args:
        targets: one a prompt.
        codes: of each rollout, as many for every prompt.
        ids: the token ids of each rollout; only MCLP's raw form needs them.

    Raises:
        ValueError: these are not whole groups.
    """
    if not targets or len(codes) % len(targets) or (ids is not None and len(ids) != len(codes)):
        raise ValueError(f"{len(codes)} rollouts of {len(targets)} prompts are not whole groups")
    group_size = len(codes) // len(targets)
    return [
        RewardRequest(
            targets[row // group_size], tuple(one), () if ids is None else tuple(ids[row])
        )
        for row, one in enumerate(codes)
    ]
