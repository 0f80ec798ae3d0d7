"""Checks an emitted folder: every cut has its audio, its instruction and its lineage.

    python -m manifests.validate --input data/emilia/emit --decode 0.01

Exit status 0 = valid, 1 = something is wrong (the first problem on one line, a count of the rest),
2 = bad usage or no emitted folder there.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import posixpath
import sys
import tarfile
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from manifests.checks import Damage, Member, Problem, check_audio, check_cut, check_pair
from manifests.shards import ShardPaths, list_shards, open_cuts, open_recording
from manifests.storage import LocalFiles, Storage
from schemas import StageFacts

MAX_KEPT = 20  # problems that a report names; all are counted


class NothingToValidate(ValueError):
    """The folder is not the finished output of emit."""


@dataclass(kw_only=True)
class Report:
    """What was found in an emitted folder."""

    shards: int = 0
    cuts: int = 0
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
            return (
                f"valid: {self.cuts:,} cuts in {self.shards:,} shards, "
                f"{self.seconds / 3600:,.2f} h, {self.decoded:,} decoded"
            )
        rest = sum(self.damages.values()) - 1
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.damages.items()))
        return str(self.problems[0]) + (f"; and {rest} more ({kinds})" if rest else "")


def validate(
    folder: str,
    *,
    hash_audio: bool = True,
    decode: float = 0.0,
    storage: Storage | None = None,
) -> Report:
    """Checks every shard of an emitted folder against itself and against ``stage.json``.

    Streams: in memory are one shard's ids, and eight bytes for each cut of the folder.

    Args:
        folder: output folder of emit, with ``shar/`` and ``stage.json``.
        hash_audio: reads the audio and compares its hash; otherwise only its size is compared.
        decode: share of the cuts, 0 to 1, whose audio is decoded. Which ones depends on their ids
            alone.
        storage: where the folder lies; this machine by default.

    Raises:
        NothingToValidate: there is no ``stage.json``, or it is not one of emit.
    """
    storage = storage or LocalFiles()
    facts = _facts(folder, storage)
    report = Report()
    shards, strangers = list_shards(folder, storage)
    for path in strangers:
        report.add(Problem(Damage.FILES, path, "not a file of a shard"))
    if [paths.index for paths in shards] != list(range(len(shards))):
        numbers = ", ".join(str(paths.index) for paths in shards[:MAX_KEPT])
        report.add(Problem(Damage.FILES, folder, f"shards are not numbered from 0 on: {numbers}"))
    ids, ends = array("Q"), list[int]()
    for paths in shards:
        report.shards += 1
        for problem in _check_shard(paths, storage, hash_audio, decode, report, ids):
            report.add(problem)
        ends.append(len(ids))
    for problem in _repeated(ids, ends, shards):
        report.add(problem)
    if report.cuts != facts.rows_out:
        what = f"{report.cuts} cuts, but stage.json says {facts.rows_out}"
        report.add(Problem(Damage.COUNT, folder, what))
    return report


def _facts(folder: str, storage: Storage) -> StageFacts:
    path = posixpath.join(folder, "stage.json")
    if not storage.list_files(path):
        raise NothingToValidate(f"{folder}: stage.json is missing; run pipelines.emit")
    try:
        with storage.open_read(path) as stream:
            facts = StageFacts.from_json(stream.read().decode())
    except ValueError as error:
        raise NothingToValidate(f"{path}: {error}; run pipelines.emit again") from error
    if facts.stage != "emit":
        raise NothingToValidate(f"{folder}: is the output of {facts.stage}, not of emit")
    return facts


def _check_shard(
    paths: ShardPaths,
    storage: Storage,
    hash_audio: bool,
    decode: float,
    report: Report,
    ids: array[int],
) -> Iterator[Problem]:
    """One shard's problems; adds its cuts to the report and the hashes of their ids to ``ids``."""
    line = 0
    try:
        with contextlib.ExitStack() as stack:
            lines = open_cuts(paths, storage, stack)
            members = _members(open_recording(paths, storage, stack), hash_audio or decode > 0)
            for line, text in enumerate(lines, 1):
                where = f"{paths.cuts}:{line}"
                cut = _parse(text)
                report.cuts += 1
                ids.append(_hash(cut.get("id")))
                problems = list(check_cut(cut, where))
                yield from problems
                member = next(members, None)
                if member is None:
                    what = f"no tar members for cut {cut.get('id')!r}"
                    yield Problem(Damage.PAIRING, where, what)
                    continue
                unpaired = list(check_pair(cut, member, where))
                yield from unpaired
                if problems or unpaired:
                    continue
                chosen = _chosen(cut["id"], decode)
                yield from check_audio(cut, member, where, chosen)
                report.decoded += chosen
                report.seconds += cut["duration"]
            for member in members:
                what = f"{member.audio_name!r} belongs to no cut"
                yield Problem(Damage.PAIRING, paths.recording, what)
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError) as error:
        what = f"not readable after cut {line}: {error}"
        yield Problem(Damage.FILES, f"{paths.cuts} and {paths.recording}", what)


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


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m manifests.validate",
        description="Checks the Shar shards that pipelines.emit wrote.",
        epilog="examples:\n"
        "  python -m manifests.validate --input data/emilia/emit\n"
        "  python -m manifests.validate --input data/emilia/emit --decode 1",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--input", required=True, metavar="DIR", help="output folder of emit")
    parser.add_argument(
        "--decode",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="share of the cuts, 0 to 1, whose audio is decoded (%(default)s); all are hashed",
    )
    arguments = parser.parse_args(argv)
    try:
        report = validate(arguments.input, decode=arguments.decode)
    except (NothingToValidate, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(report if report.ok else f"error: {report}", file=None if report.ok else sys.stderr)  # noqa: T201
    return 0 if report.ok else 1


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("a share between 0 and 1")
    return share


if __name__ == "__main__":
    sys.exit(main())
