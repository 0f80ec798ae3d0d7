"""What every source reader is: it lists shards cheaply, and reads one shard as a stream."""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from manifests.storage import NotRegular
from pipelines import files
from pipelines.errors import UsageError
from schemas import Reason, Rejection, Utterance

STAGE = "ingest"


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of a raw dump that is read on its own; small enough to send to any worker."""

    uri: str  # as the input path was given
    layout: str  # jsonl | tar | parquet | result_json


class Source(Protocol):
    """The reader of one corpus."""

    name: str

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """The shards behind the input paths, sorted; opens no shard.

        Raises:
            UsageError: an input is missing, empty or of no known layout.
        """
        ...

    def prepare(self) -> None:
        """Loads look-up tables, once a worker process; :meth:`read` does it where it was not done.

        Raises:
            UsageError: a table cannot be read.
        """
        ...

    def read(self, shard: Shard, limit: int | None = None) -> Iterator[Utterance | Rejection]:
        """The shard's utterances and rejections, in file order, in bounded memory.

        With ``limit``, at most that many records; what the rest of the shard would have told about
        them (a partner that comes later, say) is then not known and not judged.

        Raises:
            UsageError: the shard is gone, or is not what its name says.
            StageFailed: the shard needs more memory than the settings allow.
        """
        ...


class Refusal(Exception):
    """Why one row cannot become an utterance; never leaves the source readers."""

    def __init__(self, reason: Reason, detail: str, duration: float | None = None) -> None:
        """Takes what a :class:`Rejection` of it will say; ``duration`` in seconds, where known."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.duration = duration

    def rejection(self, record_id: str, location: str) -> Rejection:
        """The record of it."""
        return Rejection(
            record_id=record_id,
            stage=STAGE,
            reason=self.reason,
            detail=self.detail,
            location=location,
            duration=self.duration,
        )


def escapes(path: str) -> bool:
    r"""Whether a path from inside a dump points outside of it.

    >>> [escapes(p) for p in ("a/b.mp3", "/etc/passwd", "a/../../b", "C:\\b.mp3", "a/..b")]
    [False, True, True, True, False]
    """
    if ".." not in path and path[:1] not in ("/", "\\") and path[1:2] != ":":
        return False
    parts = path.replace("\\", "/").split("/")
    return parts[0] == "" or parts[0][1:2] == ":" or ".." in parts


def open_if_present(path: str) -> BinaryIO | None:
    """The file's bytes, or None when there is no such file, but a folder or a pipe, say.

    Raises:
        UsageError: the file is there but may not be read.
    """
    if "://" in path:
        return files.open_read(path) if files.exists(path) else None
    try:
        return files.open_read(path)
    except UsageError as error:
        cause = error.__cause__
        if isinstance(
            cause, FileNotFoundError | IsADirectoryError | NotADirectoryError | NotRegular
        ):
            return None
        if isinstance(cause, OSError) and cause.errno == errno.ENAMETOOLONG:
            return None  # no file has such a name
        raise


def list_inputs(inputs: Sequence[str], patterns: Sequence[str], expected: str) -> list[str]:
    """Files behind input paths: files as they are, globs, and folders searched two levels deep.

    The search stops at two levels because the third of Emilia's folders holds the audio: tens of
    millions of files that no one wants listed.

    Raises:
        UsageError: an input is missing, or nothing in it matches.
    """
    if not inputs:
        raise UsageError(f"no input path given; expected {expected}")
    found: set[str] = set()
    for path in inputs:
        matches = _list_input(path, patterns)
        if not matches:
            raise UsageError(f"{path}: nothing to read here; expected {expected}")
        found.update(matches)
    return sorted(found)


def _list_input(path: str, patterns: Sequence[str]) -> list[str]:
    remote = "://" in path
    if any(character in path for character in "*?[") and (remote or not Path(path).exists()):
        return files.list_files(path)
    if remote:
        folder = path.rstrip("/")
        if files.exists(path) and posixpath.splitext(folder)[1]:
            return [path]
        globs = [f"{folder}/{'*/' * depth}{p}" for depth in range(3) for p in patterns]
        return [uri for glob in globs for uri in files.list_files(glob)]
    local = Path(path)
    if local.is_file():
        return [path]
    if not local.is_dir():
        raise UsageError(f"{path}: no such file or folder")
    globs = ["*/" * depth + pattern for depth in range(3) for pattern in patterns]
    return [files.join(path, str(p.relative_to(local))) for g in globs for p in local.glob(g)]
