"""Counts of a corpus -> the averages of MCLP Table 1 and the histogram of Figure 4.

Counts are whole numbers and add up in any order; averages are rounded once, half up, from them. The
paper's own rows come out of its own counts by this code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipelines.stages.microseconds import to_microseconds
from schemas.episode import Scene, Sentence

HEADER = (
    "Stage",
    "#Audio",
    "Sum sent. dur. (h)",
    "#Sentences",
    "#Scenes",
    "Avg scenes/audio",
    "Avg sent./scene",
    "Avg spk./scene",
)


@dataclass(frozen=True, kw_only=True)
class CorpusCounts:
    """What one stage of the pipeline left, in whole numbers that add up over recordings."""

    audios: int = 0  # recordings with at least one sentence
    microseconds: int = 0  # sum of the durations of all sentences
    sentences: int = 0
    scenes: int | None = None  # None before scenes are cut
    # Distinct speakers of each scene, summed over scenes; sentences without one add nobody.
    scene_speakers: int | None = None
    turns: Counter[int] = field(default_factory=Counter)  # turns of a scene -> scenes

    def __add__(self, other: CorpusCounts) -> CorpusCounts:
        """Both together; no recording may be in both. None where either is None.

        Start a sum over scenes from ``count_scenes([])``, whose scenes are 0 and not None.
        """
        return CorpusCounts(
            audios=self.audios + other.audios,
            microseconds=self.microseconds + other.microseconds,
            sentences=self.sentences + other.sentences,
            scenes=_sum(self.scenes, other.scenes),
            scene_speakers=_sum(self.scene_speakers, other.scene_speakers),
            turns=self.turns + other.turns,
        )


@dataclass(frozen=True, kw_only=True)
class Table1Row:
    """One row of the table; None is printed as "-"."""

    stage: str
    audios: int
    hours: float  # to two decimals
    sentences: int
    scenes: int | None
    scenes_per_audio: float | None  # averages to two decimals; None without a denominator
    sentences_per_scene: float | None
    speakers_per_scene: float | None


def count_sentences(sentences: Sequence[Sentence]) -> CorpusCounts:
    """The counts of one recording before scenes are cut.

    >>> count_sentences([]).audios
    0
    """
    return CorpusCounts(
        audios=int(bool(sentences)),
        microseconds=sum(to_microseconds(one.duration) for one in sentences),
        sentences=len(sentences),
    )


def count_scenes(scenes: Sequence[Scene]) -> CorpusCounts:
    """The counts of one recording's scenes.

    Raises:
        ValueError: the scenes are of more than one recording.

    >>> count_scenes([]).scenes
    0
    """
    if len({scene.episode_id for scene in scenes}) > 1:
        raise ValueError("scenes of more than one recording; count each by itself and add")
    sentences = [sentence for scene in scenes for sentence in scene.sentences]
    spoken = [{one.speaker for one in scene.sentences} - {None} for scene in scenes]
    return CorpusCounts(
        audios=int(bool(sentences)),
        microseconds=sum(to_microseconds(one.duration) for one in sentences),
        sentences=len(sentences),
        scenes=len(scenes),
        scene_speakers=sum(map(len, spoken)),
        turns=Counter(len(scene.sentences) for scene in scenes),
    )


def table1_row(stage: str, counts: CorpusCounts) -> Table1Row:
    """The stage's row; averages are None before scenes are cut and where nothing is left.

    >>> filtered = CorpusCounts(audios=8_237, sentences=2_276_602, scenes=311_938)
    >>> row = table1_row("Filtered", filtered)
    >>> row.scenes_per_audio, row.sentences_per_scene, row.speakers_per_scene
    (37.87, 7.3, None)
    """
    return Table1Row(
        stage=stage,
        audios=counts.audios,
        hours=_average(counts.microseconds, 3_600_000_000) or 0.0,
        sentences=counts.sentences,
        scenes=counts.scenes,
        scenes_per_audio=_average(counts.scenes, counts.audios),
        sentences_per_scene=_average(counts.sentences, counts.scenes),
        speakers_per_scene=_average(counts.scene_speakers, counts.scenes),
    )


def format_table1(rows: Iterable[Table1Row]) -> list[tuple[str, ...]]:
    """The table as text, cell by cell, written as the paper writes it; without the header.

    >>> counts = CorpusCounts(audios=83_503, microseconds=45_149_796_000_000, sentences=17_894_974)
    >>> format_table1([table1_row("WenetSpeech", counts)])
    [('WenetSpeech', '83,503', '12,541.61', '17,894,974', '-', '-', '-', '-')]
    """
    return [
        (
            row.stage,
            f"{row.audios:,}",
            f"{row.hours:,.2f}",
            f"{row.sentences:,}",
            "-" if row.scenes is None else f"{row.scenes:,}",
            *(
                "-" if average is None else f"{average:,.2f}"
                for average in (
                    row.scenes_per_audio,
                    row.sentences_per_scene,
                    row.speakers_per_scene,
                )
            ),
        )
        for row in rows
    ]


def turn_histogram(counts: CorpusCounts, last: int | None = None) -> list[tuple[int, int]]:
    """(turns, scenes) for every number of turns from 1 on, empty ones too (Figure 4).

    Args:
        counts: of a stage that has scenes.
        last: the last bar, which then stands for that many turns or more; None for no limit.

    Raises:
        ValueError: ``last`` is less than 1.

    >>> turn_histogram(CorpusCounts(turns=Counter({1: 4, 3: 2, 9: 1})), last=4)
    [(1, 4), (2, 0), (3, 2), (4, 1)]
    """
    if last is not None and last < 1:
        raise ValueError(f"the last bar must be 1 or more, not {last}")
    bars: Counter[int] = Counter()
    for turns, scenes in counts.turns.items():
        bars[turns if last is None else min(turns, last)] += scenes
    return [(turns, bars[turns]) for turns in range(1, max(bars, default=0) + 1)]


def _average(total: int | None, among: int | None) -> float | None:
    """To two decimals, half up, in whole numbers until the last step."""
    if total is None or not among:
        return None
    return (200 * total + among) // (2 * among) / 100


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
