"""Which combinations of labels a corpus has: one pass over one column, nothing else is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.stage import read_part
from pipelines.stages.label_instructions import tuple_of
from pipelines.stages.label_replies import LabelTuple

_ROWS = 65536  # in memory at once: a few MB of one column


def label_tuples(
    parts: Sequence[str], names: Sequence[str] = (), limit: int | None = None
) -> list[LabelTuple]:
    """Every combination of labels once, sorted; no empty one.

    Args:
        parts: of utterances.
        names: of the labels that count; empty for all.
        limit: rows of each part, at most.

    Raises:
        StageFailed: a part is not readable.
    """
    found: set[LabelTuple] = set()
    for part in parts:
        for chunk in read_part(part, _ROWS, limit, columns=["labels"]):
            for labels in _distinct(chunk.column("labels")):
                found.add(tuple_of(labels, names))
    return sorted(found - {()})


def _distinct(labels: pa.ChunkedArray) -> Iterator[list[dict[str, str]]]:
    """One row's labels of every combination, in Arrow: a corpus has millions of rows."""
    for rows in labels.chunks:
        flat = rows.flatten()
        # Lengths first, so that no value can look like the end of one and the start of another.
        words = [flat.field("name"), flat.field("value")]
        lengths = [pc.utf8_length(word).cast(pa.string()) for word in words]
        pairs = pc.binary_join_element_wise(*lengths, *words, " ")
        sizes = pc.list_value_length(rows).fill_null(0).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pairs)
        keys = pc.binary_join(lists, " ").dictionary_encode()
        _, firsts = np.unique(keys.indices.to_numpy(zero_copy_only=False), return_index=True)
        yield from rows.take(pa.array(firsts)).to_pylist()
