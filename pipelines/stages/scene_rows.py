"""Tables of scenes: what they hold, and how they are read, for every stage from cut_scenes on.

What is counted and conserved is the sentence, though a row is a scene. All scenes of a recording
lie together in one part, in order, so a chunk can be made of whole recordings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.hashes import hash_strings
from pipelines.stage import Tally, microseconds, read_part


def tally_scenes(rows: pa.Table) -> Tally:
    """The sentences of scenes (``EpisodeScene`` rows), their seconds and their speakers."""
    return tally_lines(rows.column("episode_id"), rows.column("sentences"))


def tally_lines(recordings: pa.ChunkedArray, sentences: pa.ChunkedArray) -> Tally:
    """The sentences of rows that hold lists of them.

    A diarization label means nothing outside its recording: a speaker is the two together, as
    ``<recording>_<label>``. Sentences without a speaker add nobody.

    Args:
        recordings: id of the recording of every row.
        sentences: a list of ``Sentence`` structs for every row.
    """
    lists = sentences.combine_chunks()
    lines = pc.list_flatten(lists)
    seconds = lines.field("duration").to_numpy(zero_copy_only=False).astype(np.float64)
    speakers = pa.table(
        {
            "recording": recordings.combine_chunks().take(pc.list_parent_indices(lists)),
            "label": lines.field("speaker"),
        }
    )
    known = speakers.filter(pc.is_valid(speakers.column("label")))
    pairs = known.group_by(["recording", "label"]).aggregate([])
    names = pc.binary_join_element_wise(pairs.column("recording"), pairs.column("label"), "_")
    return Tally(len(seconds), microseconds(seconds), np.unique(hash_strings(names)))


def scene_counts(rows: pa.Table) -> Counter[str]:
    """What MCLP Table 1 and Figure 4 need of ``EpisodeScene`` rows, as a stage's ``counts``.

    ``audios_out``: recordings; ``scenes``; ``scene_speakers``: distinct speakers of each scene,
    summed over scenes; ``turns.N``: scenes of N turns. Counts of chunks add up only where each
    chunk has all scenes of its recordings (:func:`read_recordings`).
    """
    lists = rows.column("sentences").combine_chunks()
    spoken = pa.table(
        {
            "scene": pc.list_parent_indices(lists),
            "label": pc.list_flatten(lists).field("speaker"),
        }
    )
    pairs = spoken.filter(pc.is_valid(spoken.column("label"))).group_by(["scene", "label"])
    counts = Counter(
        audios_out=len(pc.unique(rows.column("episode_id"))),
        scenes=rows.num_rows,
        scene_speakers=pairs.aggregate([]).num_rows,
    )
    turns, scenes = np.unique(pc.list_value_length(lists).to_numpy(), return_counts=True)
    counts.update({f"turns.{n}": m for n, m in zip(turns.tolist(), scenes.tolist(), strict=True)})
    return counts


def read_recordings(path: str, rows: int, limit: int | None = None) -> Iterator[pa.Table]:
    """A part of scenes in tables of about ``rows`` scenes that divide no recording.

    A recording with more scenes is a table of its own: memory is bounded by the longest one.

    Args:
        path: the part.
        rows: scenes read at a time.
        limit: scenes of the part, at most.

    Raises:
        StageFailed: the file is not readable Parquet.
    """
    held: pa.Table | None = None
    for table in read_part(path, rows, limit):
        joined = table if held is None else pa.concat_tables([held, table])
        recordings = joined.column("episode_id")
        begins = pc.index(recordings, recordings[-1]).as_py()  # the last one may go on
        if begins:
            yield joined.slice(0, begins)
        held = joined.slice(begins)
    if held is not None:
        yield held
