"""Whether one judge agrees with another: Macro-F1 of their verdicts (FlexiVoice A.7, Table 7)."""

from __future__ import annotations

from collections.abc import Sequence

from trainer.metrics.figure import Figure, no_figure


def macro_f1(verdicts: Sequence[bool | None], gold: Sequence[bool | None]) -> Figure:
    """Mean of the F1 of `true` and of `false`, 0 to 1.

    Unlike the share of equal verdicts it is not high already where a judge says yes to everything.
    A verdict that neither judge has given is no class.

    Args:
        verdicts: of the judge that is tried.
        gold: of the judge that is trusted, on the same speech and instructions.

    Returns:
        Over the cases where both have a verdict; the others are left out and counted.

    >>> macro_f1([True, True, False, None], [True, False, False, True]).value
    0.6666666666666666
    """
    both = [
        (one, other)
        for one, other in zip(verdicts, gold, strict=True)
        if one is not None and other is not None
    ]
    left_out = len(gold) - len(both)
    if not both:
        return no_figure(f"none of {left_out} cases has a verdict of both judges", left_out)
    scores = [_f1(both, label) for label in (True, False)]
    given = [score for score in scores if score is not None]
    return Figure(sum(given) / len(given), len(both), left_out)


def _f1(both: Sequence[tuple[bool, bool]], label: bool) -> float | None:
    agreed = sum(one == other == label for one, other in both)
    named = sum((one == label) + (other == label) for one, other in both)
    return 2.0 * agreed / named if named else None
