"""Who rates what, and in which order: random, balanced, and the same for the same seed."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainer.errors import UsageError
from trainer.listening.clips import Case
from trainer.listening.items import Cell, Item
from trainer.listening.settings import ListenSettings, Test


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a sheet."""

    item: Item
    baseline_first: bool | None  # CMOS: whether the baseline is A and the clip B


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one rater is asked, in order."""

    rater: str  # rater-01, ...: a number and nobody's name
    entries: tuple[Entry, ...]


def deal(items: Sequence[Item], test: Test, settings: ListenSettings) -> list[Sheet]:
    """A sheet for every rater.

    Every item that counts is on `ratings_per_clip` sheets, every gold item on all of them. The
    sheets have the same number of items of every system, task and language, give or take one, and
    the same number in all, give or take one. No two neighbours are of one case.

    Raises:
        UsageError: a sheet is so much of one case that its items cannot be kept apart.
    """
    draw = random.Random(f"{settings.seed} sheets {test}")
    gold = [item for item in items if item.is_gold]
    counted = [item for item in items if not item.is_gold]
    dealt = assign(counted, settings.raters, settings.ratings_per_clip, draw)
    digits = max(2, len(str(settings.raters)))
    sheets = []
    for number, own in enumerate(dealt, 1):
        rater = f"rater-{number:0{digits}}"
        sides = _sides([*own, *gold], draw)
        try:
            ordered = arrange([*own, *gold], draw)
        except ValueError as error:
            raise UsageError(
                f"{rater}: {error}; take more cases, more raters or fewer gold items"
            ) from error
        sheets.append(Sheet(rater, tuple(Entry(item, sides.get(item.id)) for item in ordered)))
    return sheets


def assign(
    items: Iterable[Item], raters: int, per_item: int, draw: random.Random
) -> list[list[Item]]:
    """Items for every rater, `per_item` different raters for every item.

    An item goes to those who have the fewest of its system, task and language; among them to those
    who have the fewest at all, then the fewest of its case, then at random. The first of these
    rules keeps the counts of a cell within one of each other, the second the totals: a cell is
    dealt in rounds, and who comes last in a full round has the most already.
    """
    cells: dict[Cell, list[Item]] = defaultdict(list)
    for item in items:
        cells[item.cell].append(item)
    dealt: list[list[Item]] = [[] for _ in range(raters)]
    of_case: list[Counter[Case]] = [Counter() for _ in range(raters)]
    for cell in sorted(cells):
        in_cell = [0] * raters
        draw.shuffle(cells[cell])
        for item in cells[cell]:
            case = item.clip.key
            ranks = sorted(
                range(raters),
                key=lambda r: (in_cell[r], len(dealt[r]), of_case[r][case], draw.random()),
            )
            for rater in ranks[:per_item]:
                in_cell[rater] += 1
                dealt[rater].append(item)
                of_case[rater][case] += 1
    return dealt


def arrange(items: Sequence[Item], draw: random.Random) -> list[Item]:
    """The items in random order, no two neighbours of one case.

    With r items left, the rest can be arranged as long as no case has more than half of them
    (rounded up; down for the case just placed). Every step keeps that so.

    Raises:
        ValueError: one case is too much of it.
    """
    left = list(items)
    draw.shuffle(left)
    counts = Counter(item.clip.key for item in left)
    ordered: list[Item] = []
    last: Case | None = None
    while left:
        most = max(counts, key=lambda case: counts[case])
        if counts[most] > (len(left) + 1) // 2:
            raise ValueError(
                f"{counts[most]} of {len(items)} items are of case {most[2]} ({most[0]} {most[1]}) "
                "and two of them would be neighbours"
            )
        forced = counts[most] > len(left) // 2
        at = next(
            number
            for number, item in enumerate(left)
            if (item.clip.key == most if forced else item.clip.key != last)
        )
        item = left.pop(at)
        last = item.clip.key
        counts[last] -= 1
        ordered.append(item)
    return ordered


def _sides(items: Sequence[Item], draw: random.Random) -> dict[str, bool]:
    """Of a sheet's pairs, whether the baseline comes first: half of them, of every cell too."""
    pairs = sorted((item for item in items if item.baseline), key=lambda item: item.cell)
    start = draw.randrange(2)
    return {item.id: (start + number) % 2 == 0 for number, item in enumerate(pairs)}
