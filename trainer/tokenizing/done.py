"""What is finished of a folder of codes: one small file a shard, written after the shard.

A run that was killed leaves whole shards, and files under temporary names that the next run
replaces. A shard counts as finished when its record is there and says that it was made from the
same cuts, by the same tokenizer, with the same choice about the audio.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from manifests.shards import ShardPaths
from manifests.storage import LocalFiles
from schemas import PartFacts

_FOLDER = "done"
_COUNTERS = ("rejected", "rejected_microseconds", "counts")
_NUMBERS = ("rows_in", "rows_out", "microseconds_in", "microseconds_out")
_SPEAKERS = ("speakers_in", "speakers_out")


def origin(shard: ShardPaths, codec: str, keep_audio: bool) -> dict[str, Any]:
    """What a finished shard was made of; its cuts name the hash of every audio."""
    with Path(shard.cuts).open("rb") as stream:
        cuts = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"cuts_sha256": cuts, "codec": codec, "keep_audio": keep_audio}


def read_done(folder: str, index: int, made_of: dict[str, Any]) -> PartFacts | None:
    """The facts of a finished shard; None where it is not finished, or made of something else."""
    path = Path(_path(folder, index))
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("origin") != made_of:
            return None
        fields: dict[str, Any] = {name: content[name] for name in _NUMBERS}
        fields |= {name: Counter(content[name]) for name in _COUNTERS}
        fields |= {name: np.array(content[name], dtype=np.uint64) for name in _SPEAKERS}
        return PartFacts(**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # damaged: the shard is made again


def write_done(folder: str, index: int, made_of: dict[str, Any], facts: PartFacts) -> None:
    """Says that a shard is finished."""
    content: dict[str, Any] = {"origin": made_of}
    content |= {name: getattr(facts, name) for name in _NUMBERS}
    content |= {name: dict(getattr(facts, name)) for name in _COUNTERS}
    content |= {name: getattr(facts, name).tolist() for name in _SPEAKERS}
    with LocalFiles().atomic_write(_path(folder, index)) as stream:
        stream.write(json.dumps(content, indent=1, sort_keys=True).encode() + b"\n")


def forget(folder: str, index: int) -> None:
    """A shard that is about to be made again is not finished."""
    Path(_path(folder, index)).unlink(missing_ok=True)


def known(folder: str) -> set[int]:
    """The numbers of all shards that were ever finished here."""
    return {int(path.stem) for path in Path(folder, _FOLDER).glob("*.json") if path.stem.isdigit()}


def _path(folder: str, index: int) -> str:
    return posixpath.join(folder, _FOLDER, f"{index:06d}.json")
