"""Captioned scenes -> those worth training on, each with its split (MCLP 5.3, ADR 0014).

Where a scene belongs hangs on the whole corpus: :mod:`pipelines.stages.split_survey` and
:mod:`pipelines.stages.splits` decide it before this stage, which applies it row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from pipelines.backends.style import make_style_model
from pipelines.errors import StageFailed
from pipelines.stage import Block, TableStage, Tally
from pipelines.stages.rl_subset import RlReason, RlSettings, RlSubset, select_rl_scenes
from pipelines.stages.scene_filters import filter_scene
from pipelines.stages.scene_rows import read_recordings, scene_counts, tally_scenes
from pipelines.stages.scenes import SceneSettings
from pipelines.stages.settings import SceneFilterSettings, StyleSettings
from pipelines.stages.split_certificate import SIDES, TRAIN
from pipelines.stages.splits import TEST
from pipelines.stages.turn_styles import TurnStyles
from pipelines.store import Store
from schemas import EpisodeScene, Rejection, record_of, table_of

SCENES_PER_CHUNK = 512  # some 4,000 sentences


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where everything belongs; small enough to travel to every worker."""

    recordings: dict[str, str]  # id -> train | held_out
    test_scenes: frozenset[str]

    def of(self, scene: EpisodeScene) -> str:
        """One of train, test and held_out.

        Raises:
            StageFailed: the scene's recording was not there when the splits were decided.
        """
        if scene.id in self.test_scenes:
            return TEST
        if scene.episode_id not in self.recordings:
            raise StageFailed(
                f"scene {scene.id}: recording {scene.episode_id} was not there a moment ago; "
                "the input changed while it was read: run select again"
            )
        return self.recordings[scene.episode_id]


@dataclass(frozen=True, kw_only=True)
class SelectScenesSettings:
    """All that the stage goes by."""

    filters: SceneFilterSettings
    cutting: SceneSettings
    rl: RlSettings
    style: StyleSettings
    store: str  # folder of the style labels


class SelectScenesStage(TableStage):
    """EpisodeScene -> EpisodeScene with ``split``, ``rl`` and, where it was judged, ``style``.

    Rejects sentences for ``speaker_unassigned``, ``confidence_low``, ``overlap_low``,
    ``margin_low`` and ``quality_low``, then all that is left of a scene for ``sentence_overlong``,
    ``turns_too_few``, ``turns_too_many``, ``speakers_too_few``, ``caption_missing`` and
    ``profile_missing``. Uses no network; the style classifier uses a GPU where there is one.
    """

    name = "select"
    unit = "sentence"
    record_type = EpisodeScene

    def __init__(
        self,
        source: str,
        settings: SelectScenesSettings,
        places: Places,
        limit: int | None = None,
    ) -> None:
        """Takes the splits of the corpus that the stage will read.

        Raises:
            UsageError: the style classifier that is asked for is not installed.
        """
        super().__init__(source)
        self.limit = limit
        self._settings, self._places = settings, places
        model = make_style_model(settings.style)
        self._backend = None if model is None else model.name
        self._styles: TurnStyles | None = None

    @property
    def backend(self) -> str | None:
        """The style classifier, if there is one."""
        return self._backend

    def setup(self) -> None:
        """Makes the style classifier; its weights are loaded when a turn must be heard."""
        model = make_style_model(self._settings.style)
        if model is not None:
            self._styles = TurnStyles(model, Store(self._settings.store))

    def read(self, element: str) -> Iterator[pa.Table]:
        """Whole recordings, so that what is counted of them adds up."""
        return read_recordings(element, SCENES_PER_CHUNK, self.limit)

    def transform(self, chunk: pa.Table) -> Block:
        """Filters the chunk's scenes and fills in where they belong."""
        kept: list[EpisodeScene] = []
        rejections: list[Rejection] = []
        for row in chunk.to_pylist():
            scene, lost = filter_scene(
                record_of(EpisodeScene, row),
                self._settings.filters,
                self._settings.cutting,
                self.name,
            )
            rejections += lost
            if scene is not None:
                kept.append(replace(scene, split=self._places.of(scene), rl=False, style=None))
        subset = select_rl_scenes(
            [scene for scene in kept if scene.split == TRAIN], self._styles, self._settings.rl
        )
        rows = table_of(EpisodeScene, _marked(kept, subset))
        run: Counter[str] = Counter()
        if self._styles is not None:
            run, self._styles.run = self._styles.run, Counter()
        counts = scene_counts(rows)
        counts.update(placed_counts(kept, subset))
        return Block(rows=rows, rejections=rejections, counts=counts, run=run)

    def tally(self, rows: pa.Table) -> Tally:
        """Sentences."""
        return tally_scenes(rows)


def placed_counts(scenes: Sequence[EpisodeScene], subset: RlSubset[EpisodeScene]) -> Counter[str]:
    """Scenes by split, and training scenes by what became of them for the RL subset."""
    names = [f"split.{name}" for name in (*SIDES, TEST)] + [f"rl.{one.value}" for one in RlReason]
    counts = Counter(dict.fromkeys([*names, "rl.kept"], 0))  # a zero is a fact too
    counts.update(f"split.{scene.split}" for scene in scenes)
    counts.update(f"rl.{one.reason.value}" for one in subset.rejected)
    counts["rl.kept"] += len(subset.kept)
    return counts


def _marked(
    scenes: Sequence[EpisodeScene], subset: RlSubset[EpisodeScene]
) -> Iterator[EpisodeScene]:
    chosen = {scene.id for scene in subset.kept}
    for scene in scenes:
        yield replace(scene, rl=scene.id in chosen, style=subset.styles.get(scene.id))
