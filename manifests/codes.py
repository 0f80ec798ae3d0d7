"""Shar shards with codes: what `trainer.tokenize` writes and the trainer reads.

Beside ``cuts.000000.jsonl.gz`` lies ``codes.000000.tar`` with, in the same order, ``<cut id>.npy``
(int16, one dimension) and ``<cut id>.json``, and, where audio was kept, the ``recording`` tar as it
was. Lhotse reads the folder as it is: ``CutSet.from_shar(in_dir=...)``, then ``cut.load_codes()``.

A cut's codes are those of its turns (supervisions), one after the other in their order; each turn's
``custom`` says where its own begin and how many they are (``codes_start``, ``codes_frames``). Turns
are encoded each by itself: a speech tokenizer looks far around, so codes cut out of a whole scene
would carry what others say before and after, and turns that overlap could not share a time line.
Hence only a cut of one turn has codes on a time line (a TemporalArray); a scene's are an Array.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from tokenize import TokenError  # numpy reads an array's header as Python
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifests.recorded import ShardDamaged, parse_cut
from manifests.shards import FOLDER, cut_lines, shard_paths
from manifests.small_tar import members
from manifests.storage import LocalFiles, Storage

FIELD = "codes"
CODEC = "codec"  # custom key of a cut: short name of the speech tokenizer
START, FRAMES = "codes_start", "codes_frames"  # custom keys of a turn
Codes = NDArray[np.int16]  # [frames]

_NPY = re.compile(
    rb"\x93NUMPY\x01\x00v\x00\{'descr': '<i2', 'fortran_order': False, 'shape': \((\d+),\), \} *\n"
)
_NPY_HEADER = 128  # bytes, with its magic
_NAME = re.compile(r"cuts\.(\d{6,})\.jsonl\.gz")


@dataclass(frozen=True, slots=True)
class CodeShard:
    """The files of one shard with codes; ``recording`` is there where audio was kept."""

    index: int
    cuts: str
    codes: str
    recording: str


@dataclass(frozen=True, slots=True)
class CodedCut:
    """A cut as JSON has it, and its codes."""

    manifest: dict[str, Any]
    codes: Codes
    where: str  # file and line, for messages

    def codes_of(self, turn: dict[str, Any]) -> Codes:
        """The codes of one of its supervisions.

        Raises:
            ShardDamaged: the supervision does not say which they are, or says it wrongly.
        """
        custom = turn.get("custom") or {}
        start, frames = custom.get(START), custom.get(FRAMES)
        if not (isinstance(start, int) and isinstance(frames, int)):
            raise ShardDamaged(f"{self.where}: turn {turn.get('id')!r} has no {START}, {FRAMES}")
        if start < 0 or frames < 0 or start + frames > len(self.codes):
            raise ShardDamaged(
                f"{self.where}: turn {turn.get('id')!r} has codes {start} + {frames}, "
                f"the cut has {len(self.codes)}"
            )
        return self.codes[start : start + frames]


def code_shard(folder: str, index: int) -> CodeShard:
    """The files of a shard.

    >>> code_shard("data/emilia/tokens", 7).codes
    'data/emilia/tokens/shar/codes.000007.tar'
    """
    paths = shard_paths(folder, index)
    codes = posixpath.join(folder, FOLDER, f"{FIELD}.{index:06d}.tar")
    return CodeShard(index, paths.cuts, codes, paths.recording)


def list_code_shards(folder: str, storage: Storage | None = None) -> list[CodeShard]:
    """The finished shards of a folder: those with cuts, which are written last."""
    found = (storage or LocalFiles()).list_files(posixpath.join(folder, FOLDER, "cuts.*"))
    names = (_NAME.fullmatch(posixpath.basename(path)) for path in found)
    return [code_shard(folder, index) for index in sorted(int(name[1]) for name in names if name)]


class CodeShardWriter:
    """Writes one shard; its cuts appear last, so a shard with cuts is whole."""

    def __init__(
        self, folder: str, index: int, *, keep_audio: bool, storage: Storage | None = None
    ) -> None:
        """One shard of the folder, on this machine unless a storage is given."""
        self._paths = code_shard(folder, index)
        self._keep_audio = keep_audio
        self._storage = storage or LocalFiles()
        self._stack = contextlib.ExitStack()

    def write(
        self,
        manifest: dict[str, Any],
        turns: Sequence[Codes],
        codec: str,
        audio: tuple[bytes, str] | None = None,
    ) -> None:
        """Appends a cut.

        Args:
            manifest: the cut as JSON has it; not changed.
            turns: the codes of each of its supervisions, in their order.
            codec: short name of the speech tokenizer.
            audio: encoded audio and its extension, where audio is kept.

        Raises:
            ValueError: a supervision has no codes, or audio is missing that is to be kept.
        """
        if len(turns) != len(manifest["supervisions"]) or not all(len(one) for one in turns):
            raise ValueError(f"{manifest['id']}: every supervision needs codes")
        codes = np.concatenate([np.asarray(one, dtype=np.int16) for one in turns])
        field = _array(len(codes), manifest["duration"] if len(turns) == 1 else None)
        stream = io.BytesIO()
        np.save(stream, codes, allow_pickle=False)
        key = manifest["id"]
        _add(self._codes, f"{key}.npy", stream.getvalue())
        _add(self._codes, f"{key}.json", _line(field))
        if self._keep_audio:
            if audio is None:
                raise ValueError(f"{key}: its audio is missing")
            _add(self._recording, f"{key}.{audio[1]}", audio[0])
            _add(self._recording, f"{key}.json", _line(manifest["recording"]))
        cut = {**manifest, "supervisions": list(_spans(manifest["supervisions"], turns))}
        cut["custom"] = {**(manifest.get("custom") or {}), CODEC: codec, FIELD: field}
        if not self._keep_audio:
            del cut["recording"]
        self._cuts.write(_line(cut))

    def __enter__(self) -> CodeShardWriter:
        """Opens the files."""
        with contextlib.ExitStack() as stack:
            cuts = stack.enter_context(self._storage.atomic_write(self._paths.cuts))
            self._cuts = stack.enter_context(
                gzip.GzipFile(filename="", mode="wb", fileobj=cuts, compresslevel=6, mtime=0)
            )
            if self._keep_audio:
                self._recording = self._tar(stack, self._paths.recording)
            self._codes = self._tar(stack, self._paths.codes)
            self._stack = stack.pop_all()
        return self

    def _tar(self, stack: contextlib.ExitStack, path: str) -> tarfile.TarFile:
        stream = stack.enter_context(self._storage.atomic_write(path))
        return stack.enter_context(
            tarfile.open(mode="w|", fileobj=stream, format=tarfile.USTAR_FORMAT)
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Publishes the shard, or drops it when an error is on its way."""
        self._stack.__exit__(kind, error, trace)


def read_coded(shard: CodeShard, storage: Storage | None = None) -> Iterator[CodedCut]:
    """The cuts of one shard in order, with their codes.

    Raises:
        ShardDamaged: the shard has no codes, or its files do not go together.
    """
    storage = storage or LocalFiles()
    if not storage.list_files(shard.codes):
        raise ShardDamaged(f"{shard.codes} is missing: a shard without codes; run trainer.tokenize")
    line = 0
    try:
        with storage.open_read(shard.codes) as stream:
            pairs = _first_of_pairs(members(stream.read()), shard.codes)
        with storage.open_read(shard.cuts) as packed, gzip.GzipFile(fileobj=packed) as unpacked:
            for line, text in cut_lines(unpacked):
                where = f"{shard.cuts}:{line}"
                manifest = parse_cut(text, where)
                name, content = next(pairs, ("nothing", b""))
                if name != f"{manifest['id']}.npy":
                    raise ShardDamaged(f"{where}: cut {manifest['id']!r} meets the codes {name!r}")
                yield CodedCut(manifest, _codes(content, where), where)
            if (rest := next(pairs, None)) is not None:
                raise ShardDamaged(f"{shard.codes}: {rest[0]!r} has no cut")
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise ShardDamaged(f"{shard.cuts}: after line {line}: {error}") from error


def _first_of_pairs(found: Iterator[tuple[str, bytes]], path: str) -> Iterator[tuple[str, bytes]]:
    """The codes; behind each is its manifest, which the cut has too."""
    for first in found:
        if next(found, None) is None:
            raise ShardDamaged(f"{path}: {first[0]!r} has no manifest behind it")
        yield first


def _codes(content: bytes, where: str) -> Codes:
    # As numpy writes it: parsing that header in general takes longer than all the rest.
    plain = _NPY.match(content)
    if plain and len(content) == _NPY_HEADER + 2 * int(plain[1]):
        return np.frombuffer(content, dtype="<i2", offset=_NPY_HEADER)
    try:
        codes = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError, TypeError, KeyError, TokenError) as error:
        raise ShardDamaged(f"{where}: its codes are no array: {error}") from error
    if not isinstance(codes, np.ndarray) or codes.dtype != np.int16 or codes.ndim != 1:
        raise ShardDamaged(f"{where}: its codes are no int16 array of one dimension")
    return codes


def _array(frames: int, duration: float | None) -> dict[str, Any]:
    """Lhotse's manifest of the codes; with a duration, of codes on its time line.

    The frame shift is the cut's own, not the tokenizer's: Lhotse loads as many frames as the
    duration holds, and must not lose the last one where a tokenizer rounds another way.
    """
    array = {"storage_type": "shar", "storage_path": "", "storage_key": "", "shape": [frames]}
    if duration is None:
        return array
    return {"array": array, "temporal_dim": 0, "frame_shift": duration / frames, "start": 0}


def _spans(
    supervisions: Sequence[dict[str, Any]], turns: Sequence[Codes]
) -> Iterator[dict[str, Any]]:
    start = 0
    for supervision, codes in zip(supervisions, turns, strict=True):
        span = {START: start, FRAMES: len(codes)}
        yield {**supervision, "custom": {**(supervision.get("custom") or {}), **span}}
        start += len(codes)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # time 0, owner 0, mode 0644
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _line(manifest: object) -> bytes:
    return json.dumps(manifest, ensure_ascii=False).encode() + b"\n"
