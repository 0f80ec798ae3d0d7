"""What the ratings say: raters screened, means with 95 % intervals, agreement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from trainer.errors import TrainerError, UsageError
from trainer.listening.agreement import krippendorff_alpha
from trainer.listening.key import Key, KeyItem
from trainer.listening.ratings import RatedSheet
from trainer.metrics.figure import Figure, no_figure
from trainer.metrics.measurement import Measurement
from trainer.metrics.opinion import mean_opinion

# MCLP Table 2 has one MOS for both of its settings.
POOLED_TASK = "rp_listening"
POOLED = ("rp_audio_history", "rp_no_audio_history")
Cell = tuple[str, str, str]  # system, task, language
Unit: TypeAlias = Literal["clip", "rating"]


@dataclass(frozen=True, slots=True)
class WrongGold:
    """A gold item with a wrong answer, for which its rater is left out."""

    rater: str
    item: str
    score: float
    low: float  # right would have been from low to high
    high: float


@dataclass(frozen=True, slots=True)
class ClipScore:
    """A clip with what its raters who were kept gave it."""

    item: str
    system: str
    task: str
    language: str
    case: str
    ratings: tuple[float, ...]  # in the order of the raters; CMOS: over the baseline

    @property
    def mean(self) -> float:
        """Of the ratings."""
        return sum(self.ratings) / len(self.ratings)


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that a test found."""

    key: Key
    returned: tuple[str, ...]  # raters whose file came
    wrong_gold: tuple[WrongGold, ...]
    clips: tuple[ClipScore, ...]
    unrated: tuple[str, ...]  # items without any rating that was kept
    few: int  # items with fewer ratings than were planned, the unrated ones among them
    alpha: float | None  # Krippendorff's, over all items that count
    measurements: tuple[Measurement, ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Raters who gave a wrong answer to a gold item."""
        return tuple(dict.fromkeys(wrong.rater for wrong in self.wrong_gold))

    @property
    def kept(self) -> tuple[str, ...]:
        """Raters whose ratings are counted."""
        return tuple(rater for rater in self.returned if rater not in self.left_out)


def analyse(key: Key, rated: Sequence[RatedSheet], unit: Unit = "clip") -> Analysis:
    """Screens raters and takes the means.

    Args:
        key: of the test.
        rated: what came back.
        unit: what the intervals are over. `clip`: ratings are averaged per clip first, and a mean
            over five clips (FlexiVoice A.9) has Student's t with four degrees of freedom, however
            many people rated them; ratings of one clip are not independent of each other. `rating`:
            all ratings as if they were, which makes intervals narrow; MCLP's (Table 2: 0.05 to
            0.07 for 30 raters of 30 samples) are of that size.

    Raises:
        UsageError: there are no files.
        TrainerError: no rater is left.
    """
    if not rated:
        raise UsageError("no file of ratings; give those that the raters' pages saved")
    wrong = [one for sheet in rated for one in _wrong_gold(sheet, key)]
    failed = {one.rater for one in wrong}
    kept = [sheet for sheet in rated if sheet.sheet.rater not in failed]
    if not kept:
        raise TrainerError(
            f"all {len(rated)} raters have a wrong answer to a gold item, first {wrong[0].rater} "
            f"item {wrong[0].item}: {wrong[0].score:g}, right is {wrong[0].low:g} to "
            f"{wrong[0].high:g}; listen to the gold items, then change what is wrong with them"
        )
    counted = {name: item for name, item in key.items.items() if item.low is None}
    ratings = {name: _ratings(name, kept) for name in counted}
    clips = [_clip_score(name, counted[name], ratings[name]) for name in counted if ratings[name]]
    planned = key.settings.ratings_per_clip
    judge = f"{len(kept)} listeners"
    return Analysis(
        key=key,
        returned=tuple(sheet.sheet.rater for sheet in rated),
        wrong_gold=tuple(wrong),
        clips=tuple(clips),
        unrated=tuple(name for name in counted if not ratings[name]),
        few=sum(len(found) < planned for found in ratings.values()),
        alpha=krippendorff_alpha(ratings.values()),
        measurements=tuple(_measurements(key, counted.values(), clips, judge, unit)),
    )


def _wrong_gold(sheet: RatedSheet, key: Key) -> Iterable[WrongGold]:
    for entry in sheet.sheet.entries:
        item, score = key.items[entry.item], sheet.score(entry.item)
        if item.low is not None and item.high is not None and not item.low <= score <= item.high:
            yield WrongGold(sheet.sheet.rater, entry.item, score, item.low, item.high)


def _ratings(name: str, kept: Iterable[RatedSheet]) -> tuple[float, ...]:
    return tuple(sheet.score(name) for sheet in kept if name in sheet.ratings)


def _clip_score(name: str, item: KeyItem, ratings: tuple[float, ...]) -> ClipScore:
    return ClipScore(name, item.system, item.task, item.language, item.case, ratings)


def _measurements(
    key: Key, counted: Iterable[KeyItem], clips: Sequence[ClipScore], judge: str, unit: Unit
) -> list[Measurement]:
    planned: Counter[Cell] = Counter()
    for item in counted:
        planned.update(_cells(item.system, item.task, item.language))
    rated: Mapping[Cell, list[ClipScore]] = defaultdict(list)
    for clip in clips:
        for cell in _cells(clip.system, clip.task, clip.language):
            rated[cell].append(clip)
    found = [_measurement(key, cell, rated[cell], judge, unit) for cell in sorted(planned)]
    if key.test == "cmos":
        found += _of_baseline(key, clips)
    return found


def _cells(system: str, task: str, language: str) -> list[Cell]:
    """Where a clip counts: its own task, and the one over both settings of MCLP."""
    tasks = [task, POOLED_TASK] if task in POOLED else [task]
    return [(system, one, language) for one in tasks]


def _measurement(
    key: Key, cell: Cell, clips: list[ClipScore], judge: str, unit: Unit
) -> Measurement:
    system, task, language = cell
    scores = [rating for clip in clips for rating in clip.ratings]
    items = [clip.item for clip in clips for _ in clip.ratings] if unit == "clip" else None
    figure = mean_opinion(scores, items)
    if not scores:
        figure = no_figure("no rater who was kept has rated a clip of it; more raters are needed")
    return figure.measurement(
        system=system, task=task, language=language, metric=key.test, judge=judge
    )


def _of_baseline(key: Key, clips: Iterable[ClipScore]) -> Iterator[Measurement]:
    """The baseline against itself, as FlexiVoice Table 3 prints it: 0 by definition."""
    cases: Mapping[tuple[str, str], set[str]] = defaultdict(set)
    for clip in clips:
        cases[clip.task, clip.language].add(clip.case)
    for task, language in sorted(cases):
        yield Figure(0.0, len(cases[task, language])).measurement(
            system=key.settings.baseline,
            task=task,
            language=language,
            metric=key.test,
            judge="by definition",
        )
