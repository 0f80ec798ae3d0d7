"""Means of several tasks' figures: what the papers call `Avg.` (FlexiVoice Tables 4 and 5)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from trainer.metrics.figure import Figure, no_figure
from trainer.metrics.measurement import Measurement


def average(parts: Mapping[str, Measurement | Figure | None]) -> Figure:
    """The plain (macro) mean of several figures, however many cases each is over.

    So FlexiVoice 5.1 has InstructTTSEval's mean of APS, DSD and RP, and Table 5 the mean of ACC-I
    over the four decoupling tasks. Table 4 prints 38.2 for PromptStyle, whose figures' mean is
    44.9: an erratum, not another formula (all other rows are plain means).

    Args:
        parts: task -> its figure.

    Returns:
        The mean, over all cases; no figure where one part has none.

    >>> found = average({"aps": Figure(57.0, 9), "dsd": Figure(46.0, 9), "rp": Figure(32.0, 8)})
    >>> found.value, found.count
    (45.0, 26)
    """
    values = {task: part.value for task, part in parts.items() if part is not None}
    lacking = [task for task in parts if values.get(task) is None]
    if lacking or not parts:
        return no_figure(f"the mean needs all of {', '.join(parts)}; without: {', '.join(lacking)}")
    total = math.fsum(value for value in values.values() if value is not None)
    count = sum(part.count for part in parts.values() if part is not None)
    return Figure(total / len(parts), count)
