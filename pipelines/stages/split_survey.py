"""The corpus as a whole, before any scene is placed: what its splits are decided by (MCLP 5.3).

A pipeline of its own. Of every recording it keeps its keys and the sketch of its transcript, made
of *all* sentences, those that the filters take included: what the picture of a leak rests on must
not be filtered away. Of every scene that the filters leave it keeps the id and the number of turns.
That is some 9 kB a recording. It goes through files, since a portable runner has no other way back
to the command.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pipelines import files
from pipelines.errors import PipelineError, StageFailed
from pipelines.run import choose_runner, pipeline_options
from pipelines.stage import read_part
from pipelines.stages.components import Fingerprint, scenes_fingerprint
from pipelines.stages.scene_filters import filter_scene
from pipelines.stages.scene_rows import read_recordings
from pipelines.stages.scenes import SceneSettings
from pipelines.stages.settings import SceneFilterSettings
from pipelines.stages.split_certificate import SplitSettings
from pipelines.writer import PartFile
from schemas import EpisodeScene, record_of

SCENES_PER_CHUNK = 2048
_NAME = "transcripts"  # of the files in which the results pass through
_RECORDINGS_PER_CHUNK = 64  # as Python's numbers a sketch takes four times the room
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("video_id", pa.string()),
        ("md5", pa.string()),
        ("series", pa.string()),
        ("hashes", pa.list_(pa.uint64())),
        ("scenes", pa.list_(pa.string())),
        ("turns", pa.list_(pa.int32())),
    ]
)

SceneTurns = tuple[str, str, int]  # scene id, recording id, turns


@dataclass(kw_only=True)
class SplitSurvey:
    """All that decides the splits of a corpus."""

    fingerprints: list[Fingerprint] = field(default_factory=list)
    scenes: list[SceneTurns] = field(default_factory=list)  # that the filters leave


def survey_splits(
    parts: Sequence[str],
    filters: SceneFilterSettings,
    cutting: SceneSettings,
    settings: SplitSettings,
    folder: str,
    *,
    limit: int | None = None,
    runner_flags: Sequence[str] = (),
) -> SplitSurvey:
    """Surveys all parts.

    Args:
        parts: Parquet files of scenes, as caption leaves them.
        filters: which sentences and scenes are kept.
        cutting: the limits that scenes were cut by.
        settings: how transcripts are compared.
        folder: where the results pass through; they are removed again.
        limit: read only so many scenes of each part.
        runner_flags: Beam's own flags.

    Raises:
        StageFailed: a worker failed, or a recording's scenes do not lie together.
        UsageError: the runner flags are not Beam's.
    """
    _clear(folder)
    found = SplitSurvey()
    if not parts:
        return found
    options = pipeline_options(runner_flags)
    pipeline = beam.Pipeline(options=options, runner=choose_runner(options))
    _ = (
        pipeline
        | "Parts" >> beam.Create(list(enumerate(parts)), reshuffle=False)
        | "Spread" >> beam.Reshuffle()
        | "Survey" >> beam.ParDo(_SurveyPart(filters, cutting, settings, folder, limit))
    )
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:
        # The worker's exception crosses the runner as text, its own line last.
        said = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise StageFailed(f"select: reading the transcripts failed: {said[-1].strip()}") from error
    for path in files.list_files(files.join(folder, f"{_NAME}-*.parquet")):
        for table in read_part(path, _RECORDINGS_PER_CHUNK):
            for row in table.to_pylist():
                hashes = np.array(row["hashes"], dtype=np.uint64)
                keys = (row["id"], row["video_id"], row["md5"], row["series"])
                found.fingerprints.append(Fingerprint(*keys, hashes))
                found.scenes += [
                    (name, row["id"], turns)
                    for name, turns in zip(row["scenes"], row["turns"], strict=True)
                ]
    _clear(folder)
    _check_unique(found)
    return found


def recordings_of(path: str, limit: int | None = None) -> Iterator[tuple[EpisodeScene, ...]]:
    """The recordings of a part, each as all of its scenes; one recording in memory at a time.

    Raises:
        StageFailed: the file is not readable Parquet.
    """
    for table in read_recordings(path, SCENES_PER_CHUNK, limit):
        scenes = (record_of(EpisodeScene, row) for row in table.to_pylist())
        for _, group in itertools.groupby(scenes, key=attrgetter("episode_id")):
            yield tuple(group)


class _SurveyPart(beam.DoFn):
    """(index, path of a part) -> a file with one row a recording."""

    def __init__(
        self,
        filters: SceneFilterSettings,
        cutting: SceneSettings,
        settings: SplitSettings,
        folder: str,
        limit: int | None,
    ) -> None:
        self._filters, self._cutting, self._settings = filters, cutting, settings
        self._folder, self._limit = folder, limit

    def process(self, numbered: tuple[int, str]) -> Iterable[None]:
        index, path = numbered
        with PartFile(files.join(self._folder, f"{_NAME}-{index:05d}.parquet"), _SCHEMA) as file:
            for scenes in recordings_of(path, self._limit):
                try:
                    row = self._row(scenes)
                except (ValueError, PipelineError) as error:
                    raise StageFailed(f"{path}: {error}; run the stage that wrote it") from error
                file.write(pa.Table.from_pylist([row], schema=_SCHEMA))
        return ()

    def _row(self, scenes: Sequence[EpisodeScene]) -> dict[str, object]:
        settings = self._settings
        one = scenes_fingerprint(scenes, settings.shingle_characters, settings.shingle_scale)
        left = [filter_scene(scene, self._filters, self._cutting, "select")[0] for scene in scenes]
        kept = [scene for scene in left if scene is not None]
        return {
            "id": one.id,
            "video_id": one.video_id,
            "md5": one.md5,
            "series": one.series,
            "hashes": one.hashes,
            "scenes": [scene.id for scene in kept],
            "turns": [len(scene.sentences) for scene in kept],
        }


def _check_unique(found: SplitSurvey) -> None:
    for what, names in (
        ("recording", [one.id for one in found.fingerprints]),
        ("scene", [name for name, _, _ in found.scenes]),
    ):
        seen = set[str]()
        for name in names:
            if name in seen:
                raise StageFailed(
                    f"{what} {name} comes more than once; all scenes of a recording belong "
                    "together in one part: run cut_scenes and caption again"
                )
            seen.add(name)


def _clear(folder: str) -> None:
    files.delete(files.list_files(files.join(folder, f"{_NAME}-*.parquet"), temporary=True))
