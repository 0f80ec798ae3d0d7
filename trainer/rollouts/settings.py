"""How rollouts are drawn."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trainer.settings import Strict


class SamplingSettings(Strict):
    """How the next token is chosen.

    There is no top-k and no top-p on purpose: a policy gradient needs the probability with which a
    token was drawn, over the set it was drawn from. The grammar's set is one byte a token and is
    kept (`Rollouts.support_BT`); those of top-k and top-p would be one bit an id, a token. Neither
    paper cuts the distribution (MCLP 6.1: temperature 1.0).
    """

    max_tokens: Annotated[int, Field(ge=1)]  # of a completion, its end included
    temperature: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1.0
    greedy: bool = False  # the likeliest token instead of a draw; for evaluation
    seed: int = 0
