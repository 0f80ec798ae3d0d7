"""What is rated: which clips of the table, in which pairs, and the gold items among them."""

from __future__ import annotations

import dataclasses
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainer.errors import UsageError
from trainer.listening.clips import Case, Clip
from trainer.listening.settings import ListenSettings, Test

Cell = tuple[str, str, str]  # system, task, language: what raters are balanced over


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question to a rater."""

    id: str  # opaque, and the same for all raters
    clip: Clip  # what is rated
    baseline: Clip | None = None  # CMOS: what it is compared with
    low: float | None = None  # gold items: the right answers; CMOS: of the clip over the baseline
    high: float | None = None
    drowned: bool = False  # a gold item in which noise covers the speech

    @property
    def is_gold(self) -> bool:
        """Whether its answer is known."""
        return self.low is not None

    @property
    def cell(self) -> Cell:
        """What every rater gets the same number of."""
        return self.clip.system, self.clip.task, self.clip.language


def draw_items(clips: Sequence[Clip], test: Test, settings: ListenSettings) -> list[Item]:
    """The items of a test: those that are counted first, then the gold ones.

    The cases are drawn of every task and language, and are the same for all systems that did it
    and for all tests with the same seed (FlexiVoice A.9: paired samples).

    Raises:
        UsageError: a language is not in the table, there are fewer cases than wanted that all
            systems have, a pair lacks its baseline, or there are too few cases for gold items.
    """
    clips = _of_languages(clips, settings.languages)
    counted = [clip for clip in clips if not clip.is_gold]
    if settings.cases is not None:
        counted = list(_drawn(counted, settings.cases, settings.seed))
    baselines = {clip.key: clip for clip in clips if clip.system == settings.baseline}
    gold = [clip for clip in clips if clip.is_gold]
    if test == "cmos":
        # The baseline against itself says nothing.
        counted = [clip for clip in counted if clip.system != settings.baseline]
        _check_baselines([*counted, *gold], baselines, settings.baseline)
    else:
        baselines = {}
    if not counted:
        raise UsageError(f"{test}: no clip to be rated; the table has only gold items or baselines")
    drafts = [Item(id="", clip=clip, baseline=baselines.get(clip.key)) for clip in counted]
    for clip in gold:
        pair = baselines.get(clip.key)
        drafts.append(Item(id="", clip=clip, baseline=pair, low=clip.gold_low, high=clip.gold_high))
    drafts += _made_gold(drafts[: len(counted)], test, settings)
    ids = _opaque_ids(len(drafts), random.Random(f"{settings.seed} ids {test}"))
    return [dataclasses.replace(draft, id=id) for draft, id in zip(drafts, ids, strict=True)]


def _of_languages(clips: Sequence[Clip], languages: Sequence[str] | None) -> Sequence[Clip]:
    known = {clip.language for clip in clips}
    for language in languages or ():
        if language not in known:
            raise UsageError(
                f"languages: {language} is not in the table: {', '.join(sorted(known))}"
            )
    return [clip for clip in clips if languages is None or clip.language in languages]


def _drawn(clips: Sequence[Clip], wanted: int, seed: int) -> Iterator[Clip]:
    groups: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.task, clip.language].append(clip)
    for (task, language), group in groups.items():
        systems = {clip.system for clip in group}
        having: dict[str, set[str]] = defaultdict(set)
        for clip in group:
            having[clip.case].add(clip.system)
        whole = sorted(case for case, found in having.items() if found == systems)
        if len(whole) < wanted:
            raise UsageError(
                f"{task} {language}: {len(whole)} cases that all of {', '.join(sorted(systems))} "
                f"have, {wanted} wanted: set cases to fewer, or to null to take what is there"
            )
        drawn = set(random.Random(f"{seed} cases {task} {language}").sample(whole, wanted))
        yield from (clip for clip in group if clip.case in drawn)


def _check_baselines(clips: Iterable[Clip], baselines: Mapping[Case, Clip], baseline: str) -> None:
    for clip in clips:
        if clip.key not in baselines:
            raise UsageError(
                f"cmos: {baseline} has no case {clip.case} of {clip.task} {clip.language} to "
                f"compare {clip.system} with; add its clip, or name another baseline"
            )


def _made_gold(items: Sequence[Item], test: Test, settings: ListenSettings) -> list[Item]:
    """Gold items out of clips of the test, of different cases, taking turns of the languages."""
    draw = random.Random(f"{settings.seed} gold {test}")
    queues: dict[str, list[Item]] = defaultdict(list)
    first = {item.clip.key: item for item in items}
    for key in sorted(first):
        queues[key[1]].append(first[key])
    for queue in queues.values():
        draw.shuffle(queue)
    low, high = settings.gold.bounds(test)
    made = []
    for number in range(settings.gold.items):
        queue = queues[sorted(queues)[number % len(queues)]]
        if not queue:
            raise UsageError(
                f"gold.items: {settings.gold.items} need as many cases, spread over the languages "
                f"{', '.join(sorted(queues))}; there are {len(first)} in all"
            )
        item = queue.pop()
        if test == "cmos":
            assert item.baseline is not None  # checked above
            alike = item.baseline
            made.append(Item(id="", clip=alike, baseline=alike, low=low, high=high))
        else:
            made.append(Item(id="", clip=item.clip, low=low, high=high, drowned=True))
    return made


def _opaque_ids(count: int, draw: random.Random) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[f"{draw.getrandbits(40):010x}"] = None
    return list(found)
