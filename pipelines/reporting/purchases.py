"""Cost over time: what a journal says was bought when, as curves of calls and of money.

The times are those at which replies came in. They are in the journal alone: what the stages write
knows no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pipelines.chat.errors import JournalFailed, JournalUnusable
from pipelines.chat.journal import SecondTotals
from pipelines.chat.journals import open_journal, there_is
from pipelines.reporting.curves import Curve, sampled

PAUSE_S = 600  # without a reply for longer, nobody was at work: cut out of the curve


@dataclass(frozen=True, kw_only=True)
class Purchases:
    """Everything ever bought into one journal."""

    name: str  # the source, or sources, whose replies are in it
    replies: int = 0
    cost_usd: float = 0.0  # of the replies whose cost is known
    unpriced_replies: int = 0
    working_s: float = 0.0  # from the first reply to the last, without pauses
    pauses: int = 0
    paused_s: float = 0.0
    curves: tuple[Curve, ...] = ()  # replies, and money where any was paid
    problem: str | None = None  # why the journal could not be read


def gather_purchases(journals: Iterable[tuple[str, str]]) -> tuple[Purchases, ...]:
    """What was bought into each journal that there is and that has replies.

    Args:
        journals: (source, location); sources may share one.
    """
    sources: dict[str, list[str]] = {}
    for source, location in journals:
        sources.setdefault(location, []).append(source)
    found = []
    for location, names in sources.items():
        name = ", ".join(names)
        try:
            if not there_is(location):
                continue
            journal = open_journal(location)
            try:
                bought = journal.by_second()
            finally:
                journal.close()
        except (JournalUnusable, JournalFailed) as error:
            # A report is read where the journal's server or disk is not: a word, not a failure.
            found.append(Purchases(name=name, problem=str(error)))
            continue
        if bought:
            found.append(purchases_of(name, bought))
    return tuple(found)


def purchases_of(name: str, bought: Sequence[SecondTotals]) -> Purchases:
    """What was bought, as curves over the time at work.

    Args:
        name: of the source.
        bought: by second, in order; at least one.
    """
    at, pauses, breaks = _time_at_work([one.second for one in bought])
    money = sum(one.cost_pico_usd for one in bought) / 1e12

    def curve(label: str, value: Callable[[SecondTotals], float]) -> Curve:
        total, points = 0.0, [(0.0, 0.0)]
        for seconds, one in zip(at, bought, strict=True):
            total += value(one)
            points.append((seconds + 1.0, total))  # by the end of this second
        return Curve(
            name=label,
            begin=0.0,
            end=points[-1][0],
            first=0.0,
            last=total,
            low=0.0,
            high=total,
            points=((0.0, 0.0), *sampled(points[1:])),
            breaks=breaks,
        )

    curves = [curve("calls", lambda one: one.replies)]
    if money:
        curves.append(curve("US dollars", lambda one: one.cost_pico_usd / 1e12))
    return Purchases(
        name=name,
        replies=sum(one.replies for one in bought),
        cost_usd=money,
        unpriced_replies=sum(one.unpriced_replies for one in bought),
        working_s=at[-1] + 1.0,
        pauses=len(pauses),
        paused_s=float(sum(pauses)),
        curves=tuple(curves),
    )


def _time_at_work(seconds: Sequence[int]) -> tuple[list[float], list[int], tuple[float, ...]]:
    """Seconds since the first without the pauses, the pauses, and where they were.

    >>> _time_at_work([100, 105, 5105, 5107])
    ([0.0, 5.0, 6.0, 8.0], [5000], (5.0,))
    """
    at, pauses, breaks = [0.0], list[int](), list[float]()
    for before, now in zip(seconds, seconds[1:], strict=False):
        gap = now - before
        if gap > PAUSE_S:
            pauses.append(gap)
            breaks.append(at[-1])
            gap = 1
        at.append(at[-1] + gap)
    return at, pauses, tuple(breaks)
