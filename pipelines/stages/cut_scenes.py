"""Episodes -> scenes (MCLP 5.2): every sentence in exactly one of them, none dropped.

Works on columns; where a scene begins is decided by :mod:`pipelines.stages.scenes` alone. A
scene's profiles are those of the episode's that belong to its speakers, in the episode's order.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import StageFailed
from pipelines.stage import Block, TableStage, Tally
from pipelines.stages.episode_rows import EPISODES_PER_CHUNK
from pipelines.stages.microseconds import span_columns, to_microseconds
from pipelines.stages.scene_rows import scene_counts, tally_lines, tally_scenes
from pipelines.stages.scenes import SceneSettings, plan_scenes, scene_id
from schemas import EpisodeScene, arrow_schema

_OF_THE_EPISODE = (
    *("source", "url", "video_id", "md5", "licence"),
    *("video_uri", "vocals_uri", "title", "series", "episode"),
)
_NEEDED = {"video_uri": "fetch", "vocals_uri": "separate"}  # and the stage that fills it
_LATER = ("caption", "caption_backend", "split", "rl", "style")  # what later stages fill


class CutScenesStage(TableStage):
    """Episodes -> their scenes, in order. Rejects nothing."""

    name = "cut_scenes"
    unit = "sentence"
    record_type = EpisodeScene
    chunk_rows = EPISODES_PER_CHUNK

    def __init__(self, source: str, settings: SceneSettings, limit: int | None = None) -> None:
        """Takes the limits of a scene; ``limit`` is the most episodes of one part."""
        super().__init__(source)
        self.limit = limit
        self._settings = settings

    def transform(self, chunk: pa.Table) -> Block:
        """Cuts one chunk's episodes."""
        for column, stage in _NEEDED.items():
            if chunk.column(column).null_count:
                missing = pc.index(pc.is_null(chunk.column(column)), True).as_py()
                raise StageFailed(
                    f"episode {chunk.column('id')[missing]}: {column} is empty; "
                    f"run {stage} and what comes after it again"
                )
        found = _Found.of(chunk, self._settings)
        rows = _table(chunk, found)
        counts = scene_counts(rows)
        counts["audios_in"] = chunk.num_rows
        cap = to_microseconds(self._settings.max_scene_s)
        counts["overlong"] = sum(to_microseconds(one) > cap for one in found.durations)
        counts.update(found.reasons)
        return Block(rows=rows, counts=counts)

    def tally(self, rows: pa.Table) -> Tally:
        """Sentences."""
        return tally_scenes(rows)

    def intake(self, chunk: pa.Table, block: Block, kept: Tally) -> Tally:
        """Sentences of the episodes."""
        return tally_lines(chunk.column("id"), chunk.column("sentences"))


class _Found(NamedTuple):
    """The scenes of a chunk, as places in its columns."""

    episodes: list[int]  # row of each scene's episode
    numbers: list[int]  # of each scene in its episode
    durations: list[float]  # seconds
    order: list[int]  # all sentences of the chunk, scene after scene
    firsts: list[int]  # each scene's first sentence in that order, and the end of the last
    profiles: list[int]  # profiles of the chunk, scene after scene
    first_profiles: list[int]  # as ``firsts``
    reasons: Counter[str]  # why scenes begin

    @classmethod
    def of(cls, chunk: pa.Table, settings: SceneSettings) -> _Found:
        """Cuts the episodes of a chunk one by one."""
        found = cls([], [], [], [], [0], [], [0], Counter())
        lists, known = _lists(chunk, "sentences"), _lists(chunk, "profiles")
        lines = pc.list_flatten(lists)
        ids, speakers = lines.field("id").to_pylist(), lines.field("speaker").to_pylist()
        named = pc.list_flatten(known).field("speaker").to_pylist()
        starts, ends = _spans(chunk, lines)
        places = zip(pairwise(_bounds(lists)), pairwise(_bounds(known)), strict=True)
        for row, ((low, high), (low_profile, high_profile)) in enumerate(places):
            try:
                plan = plan_scenes(starts[low:high], ends[low:high], ids[low:high], settings)
            except ValueError as error:
                raise StageFailed(f"episode {chunk.column('id')[row]}: {error}") from error
            found.episodes.extend([row] * len(plan.cuts))
            found.numbers.extend(range(len(plan.cuts)))
            found.durations.extend(plan.durations)
            found.reasons.update(f"cut.{cut.reason}" for cut in plan.cuts)
            places_in_chunk = (plan.order + low).tolist()
            found.order.extend(places_in_chunk)
            firsts = [cut.first for cut in plan.cuts]
            for first, end in pairwise([*firsts, len(places_in_chunk)]):
                found.firsts.append(low + end)
                present = {speakers[place] for place in places_in_chunk[first:end]}
                found.profiles.extend(
                    place for place in range(low_profile, high_profile) if named[place] in present
                )
                found.first_profiles.append(len(found.profiles))
        return found


def _table(chunk: pa.Table, found: _Found) -> pa.Table:
    schema = arrow_schema(EpisodeScene)
    episodes = pa.array(found.episodes, pa.int64())
    lines = pc.list_flatten(_lists(chunk, "sentences")).take(pa.array(found.order, pa.int64()))
    profiles = pc.list_flatten(_lists(chunk, "profiles"))
    recordings = chunk.column("id").take(episodes)
    firsts = pa.array(found.firsts, pa.int32())
    columns: dict[str, pa.Array] = {
        "id": pa.array(map(scene_id, recordings.to_pylist(), found.numbers), pa.string()),
        "episode_id": recordings,
        "start": lines.field("start").take(firsts[:-1]),
        "duration": pa.array(found.durations, pa.float64()),
        "sentences": _list_array(firsts, lines, schema.field("sentences").type),
        "profiles": _list_array(
            pa.array(found.first_profiles, pa.int32()),
            profiles.take(pa.array(found.profiles, pa.int64())),
            schema.field("profiles").type,
        ),
        **{name: chunk.column(name).take(episodes) for name in _OF_THE_EPISODE},
        **{name: pa.nulls(len(episodes), schema.field(name).type) for name in _LATER},
    }
    return pa.table([columns[field.name] for field in schema], schema=schema)


def _spans(
    chunk: pa.Table, lines: pa.StructArray
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    try:
        return span_columns(
            lines.field("start").to_numpy(zero_copy_only=False),
            lines.field("duration").to_numpy(zero_copy_only=False),
        )
    except ValueError as error:
        first, last = chunk.column("id")[0], chunk.column("id")[-1]
        raise StageFailed(f"episodes {first} to {last}: a sentence's {error}") from error


def _lists(chunk: pa.Table, column: str) -> pa.ListArray:
    return chunk.column(column).combine_chunks()


def _bounds(lists: pa.ListArray) -> list[int]:
    """Where each list begins among the flattened values, and where the last one ends."""
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return [0, *np.cumsum(lengths).tolist()]


def _list_array(offsets: pa.Int32Array, values: pa.Array, kind: pa.DataType) -> pa.ListArray:
    return pa.ListArray.from_arrays(offsets, values.cast(kind.value_type), type=kind)
