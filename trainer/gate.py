"""The gated hybrid reward of RP-TTS (MCLP eq. 7-9).

    R_style = MCLP + C,  R_content = lambda CER
    R = 0 where CER > tau, else R_style - R_content

The gate swamps the style signal: with C = 15 a reward is about 10, so that one rollout of eight at
0 leaves the advantages of the other seven within 0.02 of each other. `paper` is eq. 9 as it stands.
`separate` makes two rewards of it, to be z-scored one by one and added: whether the gate is passed,
and, among those that pass, the reward. Either way `Gated.passed` lets the spread among the
survivors be logged (`trainer.advantages.spread`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

GateMode = Literal["paper", "separate"]


@dataclass(frozen=True, slots=True)
class Gated:
    """The rewards of a batch, by name, one a rollout; and who passed."""

    rewards: dict[str, list[float | None]]
    passed: list[bool]  # False too where the CER or the MCLP is not known


def gated_reward(
    mclp: float | None,
    cer: float | None,
    *,
    bias: float = 15.0,
    penalty: float = 10.0,
    tolerance: float = 0.2,
) -> float | None:
    """Eq. 9 for one rollout.

    Args:
        mclp: of the rollout, nats; None: not known.
        cer: of what an ASR hears in it, a ratio; None: not known.
        bias: C, MCLP 6.1.
        penalty: lambda, MCLP 6.1.
        tolerance: tau, MCLP 6.1; a CER of exactly this passes.

    Returns:
        The reward; None where it cannot be known. A CER over tau makes it 0 whatever the MCLP is.

    Raises:
        ValueError: the CER is negative.

    >>> gated_reward(-4.5, 0.05), gated_reward(-4.5, 0.3), gated_reward(None, 0.0)
    (10.0, 0.0, None)
    """
    if cer is None:
        return None
    if cer < 0:
        raise ValueError(f"the CER is {cer}, and cannot be below 0")
    if cer > tolerance:
        return 0.0
    return None if mclp is None else mclp + bias - penalty * cer


def gated_rewards(
    mclp: Sequence[float | None],
    cer: Sequence[float | None],
    mode: GateMode = "paper",
    *,
    bias: float = 15.0,
    penalty: float = 10.0,
    tolerance: float = 0.2,
) -> Gated:
    """Eq. 7-9 for a batch; see `gated_reward` for the arguments.

    Returns:
        `paper`: one reward, `gated`. `separate`: `gate`, 1 or 0, and `style`, None where the gate
        is shut.

    Raises:
        ValueError: there are not as many CERs as MCLPs.

    >>> gated_rewards([-4.5, -4.0], [0.05, 0.9], "separate").rewards
    {'gate': [1.0, 0.0], 'style': [10.0, None]}
    """
    if len(mclp) != len(cer):
        raise ValueError(f"{len(mclp)} values of MCLP for {len(cer)} of CER")
    values = [
        gated_reward(one, other, bias=bias, penalty=penalty, tolerance=tolerance)
        for one, other in zip(mclp, cer, strict=True)
    ]
    is_open = [None if one is None else one <= tolerance for one in cer]
    passed = [
        bool(opened) and value is not None for opened, value in zip(is_open, values, strict=True)
    ]
    if mode == "paper":
        return Gated({"gated": values}, passed)
    gate = [None if opened is None else float(opened) for opened in is_open]
    style = [value if opened else None for opened, value in zip(is_open, values, strict=True)]
    return Gated({"gate": gate, "style": style}, passed)
