"""Lhotse Shar shards: the only place that knows what their files are called and hold.

``shar/cuts.000000.jsonl.gz`` has one cut a line; ``shar/recording.000000.tar`` has, in the same
order, ``<cut id>.<mp3|wav|...>`` with the encoded audio and ``<cut id>.json`` with its recording.

Lhotse's own writer decodes and encodes the audio again (for mp3 a second loss, and slow). Here the
original bytes are passed through, in the form that Lhotse's reader expects. Two writes of the same
cuts give the same bytes: no times, owners or file names in the tar and gzip headers.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import posixpath
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from manifests.audio import EXTENSIONS
from manifests.storage import LocalFiles, Storage

if TYPE_CHECKING:
    from lhotse import CutSet, MonoCut

FOLDER = "shar"  # inside the output folder of emit
MAX_CUT_BYTES = 1 << 24  # of a cut as JSON, unpacked; a scene of 100 turns has some 100 KB
_NAME = re.compile(r"(cuts|recording)\.(\d{6,})\.(jsonl\.gz|tar)")


@dataclass(frozen=True, slots=True)
class ShardPaths:
    """The two files of one shard."""

    index: int
    cuts: str
    recording: str


def shard_paths(folder: str, index: int) -> ShardPaths:
    """The files of a shard of an emitted folder.

    >>> shard_paths("data/emilia/emit", 7).cuts
    'data/emilia/emit/shar/cuts.000007.jsonl.gz'
    """
    shar = posixpath.join(folder, FOLDER)
    return ShardPaths(
        index,
        posixpath.join(shar, f"cuts.{index:06d}.jsonl.gz"),
        posixpath.join(shar, f"recording.{index:06d}.tar"),
    )


class ShardWriter:
    """Writes one shard as a stream; both files appear when it is closed without an error."""

    def __init__(self, folder: str, index: int, storage: Storage | None = None) -> None:
        """One shard of the emitted folder, on this machine unless a storage is given."""
        self._paths = shard_paths(folder, index)
        self._storage = storage or LocalFiles()
        self._stack = contextlib.ExitStack()

    def write(self, cut: MonoCut, audio: bytes, extension: str) -> None:
        """Appends a cut of :func:`manifests.cuts.cut_of` and its encoded audio.

        Raises:
            ValueError: Lhotse does not read audio of this extension from a shard.
        """
        if extension not in EXTENSIONS:
            known = ", ".join(sorted(EXTENSIONS))
            raise ValueError(f"{cut.id}: audio {extension!r} cannot go into a shard, only {known}")
        manifest = cut.to_dict()
        self._add(f"{cut.id}.{extension}", audio)
        self._add(f"{cut.id}.json", _line(manifest["recording"]))
        self._cuts.write(_line(manifest))

    def _add(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)  # time 0, owner 0, mode 0644
        member.size = len(content)
        self._tar.addfile(member, io.BytesIO(content))

    def __enter__(self) -> ShardWriter:
        """Opens both files; a shard without cuts is two files, too, and Lhotse reads them."""
        with contextlib.ExitStack() as stack:
            write = self._storage.atomic_write
            cuts = stack.enter_context(write(self._paths.cuts))
            self._cuts = stack.enter_context(
                gzip.GzipFile(filename="", mode="wb", fileobj=cuts, compresslevel=6, mtime=0)
            )
            recording = stack.enter_context(write(self._paths.recording))
            self._tar = stack.enter_context(
                tarfile.open(mode="w|", fileobj=recording, format=tarfile.USTAR_FORMAT)
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Publishes the shard, or drops it when an error is on its way."""
        self._stack.__exit__(kind, error, trace)


def list_shards(folder: str, storage: Storage | None = None) -> tuple[list[ShardPaths], list[str]]:
    """The shards of an emitted folder in order, and what else lies among them.

    A shard is listed when either of its files is there.
    """
    indexes, strangers = set[int](), list[str]()
    for path in (storage or LocalFiles()).list_files(posixpath.join(folder, FOLDER, "*")):
        matched = _NAME.fullmatch(posixpath.basename(path))
        paths = shard_paths(folder, int(matched[2])) if matched else None
        # Compared by name: a file system may give an absolute path for a relative pattern.
        if paths and posixpath.basename(path) in map(posixpath.basename, _both(paths)):
            indexes.add(paths.index)
        else:
            strangers.append(path)
    return [shard_paths(folder, index) for index in sorted(indexes)], strangers


def read_cuts(folder: str, shards: Sequence[ShardPaths] | None = None) -> CutSet:
    """The cuts of an emitted folder, lazily, with their audio in memory as they pass by.

    Args:
        folder: output folder of emit.
        shards: only these; all of them by default.

    Raises:
        FileNotFoundError: there are no shards.
    """
    from lhotse import CutSet

    chosen = list_shards(folder)[0] if shards is None else shards
    if not chosen:
        raise FileNotFoundError(f"{posixpath.join(folder, FOLDER)}: no shards there")
    fields = {"cuts": [s.cuts for s in chosen], "recording": [s.recording for s in chosen]}
    return CutSet.from_shar(fields=fields)


def _both(paths: ShardPaths) -> tuple[str, str]:
    return paths.cuts, paths.recording


def _line(manifest: object) -> bytes:
    return json.dumps(manifest, ensure_ascii=False).encode() + b"\n"


def open_cuts(
    paths: ShardPaths, storage: Storage, stack: contextlib.ExitStack
) -> Iterator[tuple[int, bytes]]:
    """The shard's cuts as numbered lines of JSON, see :func:`cut_lines`; closed by the stack."""
    packed = stack.enter_context(storage.open_read(paths.cuts))
    return cut_lines(stack.enter_context(gzip.GzipFile(fileobj=packed, mode="rb")))


def cut_lines(unpacked: gzip.GzipFile) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, from 1; a kilobyte of gzip may hold a line that fills the memory.

    Raises:
        BadGzipFile: a line is longer than any cut; an OSError, as other damage is.
    """
    number = 0
    while line := unpacked.readline(MAX_CUT_BYTES + 1):
        number += 1
        if len(line) > MAX_CUT_BYTES:
            raise gzip.BadGzipFile(
                f"line {number} has more than {MAX_CUT_BYTES} bytes, which no cut has; "
                "run the command that wrote the shard again"
            )
        yield number, line


def open_recording(
    paths: ShardPaths, storage: Storage, stack: contextlib.ExitStack
) -> tarfile.TarFile:
    """The shard's tar; closed by the stack."""
    stream = stack.enter_context(storage.open_read(paths.recording))
    return stack.enter_context(tarfile.open(mode="r:", fileobj=stream))
