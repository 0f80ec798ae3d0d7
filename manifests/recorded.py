"""Shards with audio as plain records: the cut as JSON has it, and its encoded audio.

For who passes cuts on with their original bytes. Lhotse's own reader builds an object for every
field and is ten times slower.
"""

from __future__ import annotations

import contextlib
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from manifests.shards import ShardPaths, open_cuts, open_recording
from manifests.small_tar import check_member
from manifests.storage import LocalFiles, Storage


class ShardDamaged(ValueError):
    """A shard whose files do not hold what they should; the message names file and line."""


@dataclass(frozen=True, slots=True)
class RecordedCut:
    """A cut and its encoded audio."""

    manifest: dict[str, Any]
    audio: bytes
    extension: str  # mp3, wav, ...
    where: str  # file and line, for messages


def read_recorded(paths: ShardPaths, storage: Storage | None = None) -> Iterator[RecordedCut]:
    """The cuts of one shard in order.

    Raises:
        ShardDamaged: cuts and tar members do not go together, or a file cannot be read.
    """
    storage = storage or LocalFiles()
    line = 0
    try:
        with contextlib.ExitStack() as stack:
            lines = open_cuts(paths, storage, stack)
            members = read_pairs(open_recording(paths, storage, stack))
            for line, text in lines:
                where = f"{paths.cuts}:{line}"
                manifest = parse_cut(text, where)
                name, audio = next(members, ("nothing", b""))
                stem, _, extension = name.rpartition(".")
                if stem != manifest["id"]:
                    raise ShardDamaged(f"{where}: cut {manifest['id']!r} meets the member {name!r}")
                yield RecordedCut(manifest, audio, extension, where)
            if (rest := next(members, None)) is not None:
                raise ShardDamaged(f"{paths.recording}: {rest[0]!r} has no cut")
    except ShardDamaged:
        raise
    except (OSError, EOFError, OverflowError, ValueError, zlib.error, tarfile.TarError) as error:
        raise ShardDamaged(f"{paths.cuts}: after line {line}: {error}") from error


def parse_cut(text: bytes, where: str) -> dict[str, Any]:
    """One line of cuts, far enough checked to be named and to have a list of supervisions.

    Raises:
        ShardDamaged: it is not a cut.
    """
    try:
        cut = orjson.loads(text)
        well = isinstance(cut["id"], str) and isinstance(cut["supervisions"], list)
    except (ValueError, KeyError, TypeError) as error:
        raise ShardDamaged(f"{where}: not a cut: {type(error).__name__}: {error}") from error
    if not well or not isinstance(cut.get("custom") or {}, dict):
        raise ShardDamaged(f"{where}: not a cut with an id, supervisions and custom fields")
    found: dict[str, Any] = cut
    return found


def read_pairs(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Name and content of each first member of a pair; the second is the field's manifest.

    Raises:
        ShardDamaged: a member is no file, or the last pair is not whole.
    """
    first: tuple[str, bytes] | None = None
    for member in tar:
        check_member(member)
        stream = tar.extractfile(member)
        if stream is None:
            raise ShardDamaged(f"{tar.name!s}: {member.name!r} is not a file")
        if first is None:
            first = member.name, stream.read()
            continue
        yield first
        first = None
    if first is not None:
        raise ShardDamaged(f"{tar.name!s}: {first[0]!r} has no manifest behind it")
