"""From the rewards of a group of rollouts to their advantages. Plain numbers, in float64.

A group is the G rollouts of one prompt; groups stand one after the other. A reward is a number or
None: not asked for this row, or its server failed. None is no 0: it has no part in the mean and
spread of its group, and adds nothing to its rollout's advantage.

A group is dead for a reward when all of its values are the same. That is decided by the range,
`max - min <= tolerance`, and its advantages are 0 exactly: eight equal rewards with float noise of
2e-6 would otherwise become advantages of 1.2 at an eps of 1e-6.

Three forms:

- paper: z-score each reward within its group, then add (FlexiVoice 3.2.2, 3.2.3);
- gdpo: the same, then z-score the sums over the whole batch. What libraries call "normalise then
  sum"; the step then depends on how many groups of the batch are alive. For comparison;
- scalar: add the rewards, then z-score within the group (MCLP eq. 6, of its one gated reward).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Form = Literal["paper", "gdpo", "scalar"]
Rewards = Sequence[float | None]
_Values = NDArray[np.float64]  # nan for None

EPS = 1e-4  # added to the spread; TRL's value
TOLERANCE = 1e-5  # a range at most this is noise: rewards are scores of about 0 to 20 in float32


@dataclass(frozen=True, slots=True)
class Advantages:
    """One advantage a rollout, and what is logged."""

    values: tuple[float, ...]
    scored: tuple[bool, ...]  # False: no reward was given, so the advantage is 0 and says nothing
    groups: int
    dead_groups: Mapping[str, int]  # by reward: groups it was asked for and found all the same
    all_dead: int  # groups from which there is nothing to learn


def advantages(
    rewards: Mapping[str, Rewards],
    group_size: int,
    form: Form = "paper",
    *,
    weights: Mapping[str, float] | None = None,
    eps: float = EPS,
    tolerance: float = TOLERANCE,
) -> Advantages:
    """The advantages of all rollouts of a batch.

    Args:
        rewards: by name, one value a rollout, group after group.
        group_size: G.
        form: see this module.
        weights: of the rewards in the sum; 1 where not given, as in the papers.
        eps: added to each standard deviation.
        tolerance: the largest range of a dead group.

    Raises:
        ValueError: there are no rewards, they are not as many as each other, not whole groups, not
            finite; or there is a weight for a reward that is not there.

    >>> found = advantages({"r": [0.0, 1.0, 0.5, None]}, group_size=4, eps=0.0)
    >>> found.values, found.scored
    ((-1.0, 1.0, 0.0, 0.0), (True, True, True, False))
    """
    table = {name: _as_array(name, values) for name, values in rewards.items()}
    weights = dict(weights or {})
    _check(table, group_size, weights)
    count = len(next(iter(table.values())))
    scored = np.logical_or.reduce([~np.isnan(values) for values in table.values()])
    weighed = {name: weights.get(name, 1.0) * values for name, values in table.items()}
    if form == "scalar":
        weighed = {"+".join(table): _sum_of_asked(list(weighed.values()), group_size)}
        scored = ~np.isnan(next(iter(weighed.values())))
        weights = {}
        table = weighed
    total = np.zeros(count)
    dead: dict[str, int] = {}
    alive = np.zeros(count // group_size, dtype=bool)
    for name, values in table.items():
        scores, live, asked = _z_scores(values, group_size, eps, tolerance)
        total += weights.get(name, 1.0) * scores
        dead[name] = int((asked & ~live).sum())
        alive |= live
    if form == "gdpo":
        total = _over_batch(total, scored, eps, tolerance)
    return Advantages(
        values=tuple(total.tolist()),
        scored=tuple(scored.tolist()),
        groups=count // group_size,
        dead_groups=dead,
        all_dead=int((~alive).sum()),
    )


def spread(values: Sequence[float], counted: Sequence[bool], group_size: int) -> float | None:
    """Mean over groups of the standard deviation (unbiased) among the counted rollouts.

    For the survivors of a gate: how much of the style signal is left (`trainer.gate`). None where
    no group has two of them.

    >>> spread([9.0, 1.0, 3.0, 5.0], [False, True, True, True], 4)
    2.0
    """
    found = []
    for start in range(0, len(values), group_size):
        inside = range(start, start + group_size)
        group = [values[index] for index in inside if counted[index]]
        if len(group) > 1:
            found.append(float(np.std(group, ddof=1)))
    return float(np.mean(found)) if found else None


def _z_scores(
    values: _Values, group_size: int, eps: float, tolerance: float
) -> tuple[_Values, NDArray[np.bool_], NDArray[np.bool_]]:
    """(r - mean) / (std + eps) within each group, 0 where None or dead; live and asked groups."""
    scores = np.zeros_like(values)
    groups = values.reshape(-1, group_size)
    live, asked = np.zeros(len(groups), dtype=bool), np.zeros(len(groups), dtype=bool)
    for number, group in enumerate(groups):
        given = ~np.isnan(group)
        asked[number] = given.any()
        if given.sum() < 2 or np.ptp(group[given]) <= tolerance:
            continue
        live[number] = True
        centred = group[given] - group[given].mean()
        largest = np.abs(centred).max()  # taken out, so that no square under- or overflows
        mean_square = ((centred / largest) ** 2).sum() / (given.sum() - 1)  # unbiased
        deviation = largest * math.sqrt(mean_square)
        scores.reshape(-1, group_size)[number, given] = centred / (deviation + eps)
    return scores, live, asked


def _over_batch(total: _Values, scored: NDArray[np.bool_], eps: float, tolerance: float) -> _Values:
    """GDPO's second normalisation, over all rollouts that have a reward."""
    given = np.where(scored, total, np.nan)
    scores, _, _ = _z_scores(given, len(given), eps, tolerance)
    return scores


def _sum_of_asked(parts: Sequence[_Values], group_size: int) -> _Values:
    """The sum of the rewards asked for in each group; nan where a rollout lacks one of them.

    A sum with a part missing is not comparable with the others of its group.
    """
    total = np.zeros_like(parts[0])
    any_asked = np.zeros(len(total), dtype=bool)
    for part in parts:
        asked = np.repeat((~np.isnan(part)).reshape(-1, group_size).any(axis=1), group_size)
        total += np.where(asked, part, 0.0)
        any_asked |= asked
    return np.where(any_asked, total, np.nan)


def _as_array(name: str, values: Rewards) -> _Values:
    if any(value is not None and not math.isfinite(value) for value in values):
        raise ValueError(f"reward {name} is not finite: a reward that failed is None")
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _check(table: Mapping[str, _Values], group_size: int, weights: Mapping[str, float]) -> None:
    lengths = {name: len(values) for name, values in table.items()}
    if not lengths or len(set(lengths.values())) > 1:
        raise ValueError(f"rewards for as many rollouts each are needed, not {lengths or 'none'}")
    (count,) = set(lengths.values())
    if group_size < 1 or not count or count % group_size:
        raise ValueError(f"{count} rollouts are not whole groups of {group_size}")
    if unknown := weights.keys() - table.keys():
        raise ValueError(f"weights for {sorted(unknown)}, which are not among {sorted(table)}")
