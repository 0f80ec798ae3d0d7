"""Scenes -> scenes with a caption of place and atmosphere (MCLP 5.2 and A.2).

Rejects all sentences of a scene whose pictures do not decode (``video_unreadable``) and of one
for which no usable caption came (``dead_letter``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa

from pipelines import progress
from pipelines.backends.captioner import (
    Captioner,
    CaptionerRecipe,
    CaptionOutcome,
    SceneSpan,
    Uncaptioned,
)
from pipelines.stage import Block, TableStage, Tally
from pipelines.stages.scene_rows import read_recordings, scene_counts, tally_scenes
from schemas import EpisodeScene, Rejection

SPAN_COLUMNS = ("id", "video_uri", "start", "duration")


class CaptionStage(TableStage):
    """Part -> the same scenes, captioned; one captioner a worker serves all its parts."""

    name = "caption"
    unit = "sentence"
    record_type = EpisodeScene

    def __init__(self, source: str, recipe: CaptionerRecipe, limit: int | None = None) -> None:
        """Takes how each worker makes its captioner; ``limit`` is the most scenes of one part."""
        super().__init__(source)
        self.chunk_rows = recipe.settings.scenes_per_chunk
        self.limit = limit
        self._recipe = recipe
        self._captioner: Captioner | None = None
        self._backend = _name(recipe)

    @property
    def backend(self) -> str:
        """What writes the captions."""
        return self._backend

    @property
    def prompts(self) -> dict[str, str]:
        """The prompt's hash, where a model is asked."""
        prompt = self._recipe.prompt
        return {} if prompt is None else {prompt.label: prompt.sha256}

    def setup(self) -> None:
        """Makes the captioner."""
        self._captioner = self._recipe.make(f"{self.source}/scenes")

    def teardown(self) -> None:
        """Closes it."""
        if self._captioner is not None:
            self._captioner.close()
            self._captioner = None

    def read(self, element: str) -> Iterator[pa.Table]:
        """Whole recordings, so that each video is opened once and counts add up."""
        return read_recordings(element, self.chunk_rows, self.limit)

    def transform(self, chunk: pa.Table) -> Block:
        """Captions one chunk."""
        if self._captioner is None:
            self.setup()
        assert self._captioner is not None  # noqa: S101
        before = self._captioner.run_facts
        outcomes = self._captioner.caption(
            spans_of(chunk), lambda done, run: progress.live(done, _calls(before, run))
        )
        rows = _with_captions(chunk, outcomes, self.backend)
        lost = {n: one for n, one in enumerate(outcomes) if isinstance(one, Uncaptioned)}
        lost_rows = chunk.take(pa.array(lost, pa.int64())).to_pylist()
        counts = scene_counts(rows)
        counts.update(f"lost_scenes.{outcome.reason}" for outcome in lost.values())
        return Block(
            rows=rows,
            rejections=[
                rejection
                for row, outcome in zip(lost_rows, lost.values(), strict=True)
                for rejection in _rejections(row, outcome)
            ],
            counts=counts,
            run=_since(before, self._captioner.run_facts),
        )

    def tally(self, rows: pa.Table) -> Tally:
        """Sentences."""
        return tally_scenes(rows)


def spans_of(chunk: pa.Table) -> list[SceneSpan]:
    """What a captioner needs of the chunk's scenes."""
    columns = (chunk.column(name).to_pylist() for name in SPAN_COLUMNS)
    return [SceneSpan(*values) for values in zip(*columns, strict=True)]


def _name(recipe: CaptionerRecipe) -> str:
    captioner = recipe.make("name")
    try:
        return captioner.name
    finally:
        captioner.close()


def _with_captions(chunk: pa.Table, outcomes: Sequence[CaptionOutcome], backend: str) -> pa.Table:
    """The captioned scenes of the chunk."""
    captions = [None if isinstance(one, Uncaptioned) else one for one in outcomes]
    for name, values in (("caption", captions), ("caption_backend", [backend] * len(captions))):
        place = chunk.schema.get_field_index(name)
        chunk = chunk.set_column(place, chunk.schema.field(place), pa.array(values, pa.string()))
    return chunk.filter(chunk.column("caption").is_valid())


def _rejections(row: dict[str, object], outcome: Uncaptioned) -> Iterator[Rejection]:
    sentences = row["sentences"]
    assert isinstance(sentences, list)  # noqa: S101  (the schema's)
    for sentence in sentences:
        yield Rejection(
            record_id=sentence["id"],
            stage=CaptionStage.name,
            reason=outcome.reason,
            detail=f"{row['id']}: {outcome.detail}",
            location=f"{row['video_uri']}:{sentence['start']}",
            duration=sentence["duration"],
        )


def _calls(before: Counter[str], after: Counter[str]) -> Counter[str]:
    """What the progress bar shows of calls; nothing where there is no server."""
    return _since(before, after) if "calls" in after else Counter()


def _since(before: Counter[str], after: Counter[str]) -> Counter[str]:
    return Counter({key: value - before[key] for key, value in after.items()})
