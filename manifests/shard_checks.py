"""Checks shards one after the other: what is wrong, counted, the first of it named."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tarfile
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from manifests.checks import (
    UTTERANCES,
    Damage,
    Form,
    Member,
    Problem,
    check_audio,
    check_cut,
    check_pair,
)
from manifests.scene_checks import Sides
from manifests.shards import ShardPaths, list_shards, open_cuts, open_recording
from manifests.storage import Storage

MAX_KEPT = 20  # problems that a report names; all are counted


@dataclass(kw_only=True)
class Report:
    """What was found in an emitted folder."""

    shards: int = 0
    cuts: int = 0
    supervisions: int = 0  # of them
    splits: Counter[str] = field(default_factory=Counter)  # cuts by split; of scenes only
    seconds: float = 0.0  # of audio, as the cuts state it
    decoded: int = 0  # cuts whose audio was decoded
    problems: list[Problem] = field(default_factory=list)  # the first of them
    damages: Counter[Damage] = field(default_factory=Counter)  # all of them

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damages

    def add(self, problem: Problem) -> None:
        """Counts a problem, and keeps it if it is one of the first."""
        self.damages[problem.damage] += 1
        if len(self.problems) < MAX_KEPT:
            self.problems.append(problem)

    def __str__(self) -> str:
        """One line for a person."""
        if self.ok:
            splits = ", ".join(f"{name} {cuts:,}" for name, cuts in self.splits.items())
            return (
                f"valid: {self.cuts:,} cuts{splits and f' ({splits})'} in {self.shards:,} shards, "
                f"{self.seconds / 3600:,.2f} h, {self.decoded:,} decoded"
            )
        rest = sum(self.damages.values()) - 1
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.damages.items()))
        return str(self.problems[0]) + (f"; and {rest} more ({kinds})" if rest else "")


class ShardsCheck:
    """A run over the shards of one folder after the other."""

    def __init__(self, storage: Storage, hash_audio: bool, decode: float) -> None:
        """Nothing was checked yet.

        Args:
            storage: where the shards lie.
            hash_audio: reads the audio and compares its hash; otherwise only its size is compared.
            decode: share of the cuts whose audio is decoded; their ids alone decide which.
        """
        self.report = Report()
        self._storage, self._hash_audio, self._decode = storage, hash_audio, decode
        self._ids, self._ends = array("Q"), list[int]()  # hashes; how many when a shard ended
        self._shards: list[ShardPaths] = []
        self._sides = Sides()

    def folder(self, folder: str, form: Form) -> None:
        """Checks the shards of one folder, whose cuts all have one form."""
        report = self.report
        shards, strangers = list_shards(folder, self._storage)
        for path in strangers:
            report.add(Problem(Damage.FILES, path, "not a file of a shard"))
        if [paths.index for paths in shards] != list(range(len(shards))):
            numbers = ", ".join(str(paths.index) for paths in shards[:MAX_KEPT])
            what = f"shards are not numbered from 0 on: {numbers}"
            report.add(Problem(Damage.FILES, folder, what))
        for paths in shards:
            report.shards += 1
            for problem in self._shard(paths, form):
                report.add(problem)
            self._shards.append(paths)
            self._ends.append(len(self._ids))

    def finish(self) -> Report:
        """Checks what only all of the folders together show."""
        for problem in _repeated(self._ids, self._ends, self._shards):
            self.report.add(problem)
        return self.report

    def _shard(self, paths: ShardPaths, form: Form) -> Iterator[Problem]:
        line = 0
        read_audio = self._hash_audio or self._decode > 0
        try:
            with contextlib.ExitStack() as stack:
                lines = open_cuts(paths, self._storage, stack)
                members: Iterator[Member] = iter(())
                if form.recorded:
                    tar = open_recording(paths, self._storage, stack)
                    members = _members(tar, read_audio)
                elif self._storage.list_files(paths.recording):
                    what = "audio of prompts, which have none"
                    yield Problem(Damage.FILES, paths.recording, what)
                for line, text in lines:
                    yield from self._cut(_parse(text), members, f"{paths.cuts}:{line}", form)
                for member in members:
                    what = f"{member.audio_name!r} belongs to no cut"
                    yield Problem(Damage.PAIRING, paths.recording, what)
        except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError) as error:
            what = f"not readable after cut {line}: {error}"
            yield Problem(Damage.FILES, f"{paths.cuts} and {paths.recording}", what)

    def _cut(
        self, cut: dict[str, Any], members: Iterator[Member], where: str, form: Form
    ) -> Iterator[Problem]:
        report = self.report
        report.cuts += 1
        report.supervisions += _count(cut.get("supervisions"))
        self._ids.append(_hash(cut.get("id")))
        problems = list(check_cut(cut, where, form))
        yield from problems
        if not form.recorded:
            return
        member = next(members, None)
        if member is None:
            yield Problem(Damage.PAIRING, where, f"no tar members for cut {cut.get('id')!r}")
            return
        unpaired = list(check_pair(cut, member, where))
        yield from unpaired
        if problems or unpaired:
            return
        if form is not UTTERANCES:
            yield from self._sides.check(cut, where)
        chosen = _chosen(cut["id"], self._decode)
        yield from check_audio(cut, form.lineage(cut), member, where, chosen)
        report.decoded += chosen
        report.seconds += cut["duration"]


def _members(tar: tarfile.TarFile, read_audio: bool) -> Iterator[Member]:
    """The tar's members two by two.

    Raises:
        ValueError: a member has no partner, or is no plain file.
    """
    while (audio := tar.next()) is not None:
        manifest = tar.next()
        if manifest is None:
            raise ValueError(f"{audio.name!r} is the last tar member and has no partner")
        content, text = (
            tar.extractfile(audio) if read_audio else None,
            tar.extractfile(manifest),
        )
        if not audio.isfile() or text is None:
            raise ValueError(f"{audio.name!r} or {manifest.name!r} is no plain file")
        yield Member(
            audio_name=audio.name,
            audio=content.read() if content else None,
            audio_size=audio.size,
            manifest_name=manifest.name,
            manifest=text.read(),
        )


def _parse(text: bytes) -> dict[str, Any]:
    cut = json.loads(text)
    if not isinstance(cut, dict):
        raise ValueError(f"a line of cuts is no JSON object but {type(cut).__name__}")
    return cut


def _count(supervisions: object) -> int:
    return len(supervisions) if isinstance(supervisions, list) else 0


def _hash(key: object) -> int:
    return int.from_bytes(hashlib.blake2b(str(key).encode(), digest_size=8).digest())


def _chosen(key: str, share: float) -> bool:
    """Whether a cut is in the sample; the hash is another one than for ids on purpose."""
    return zlib.crc32(key.encode()) < share * 2**32


def _repeated(
    ids: array[int], ends: Sequence[int], shards: Sequence[ShardPaths]
) -> Iterator[Problem]:
    """Cuts whose id an earlier cut has, too."""
    if not ids:
        return
    hashes = np.frombuffer(ids, dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")  # among equal ones the earlier cut comes first
    again = np.flatnonzero(hashes[order][1:] == hashes[order][:-1]) + 1
    for position in np.sort(order[again]):
        shard = int(np.searchsorted(ends, position, side="right"))
        line = int(position) - (ends[shard - 1] if shard else 0) + 1
        where = f"{shards[shard].cuts}:{line}"
        yield Problem(Damage.ID, where, "an earlier cut has the same id")
