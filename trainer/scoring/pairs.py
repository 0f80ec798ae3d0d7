"""Where pairs come from: shards with codes, or a file of JSON lines; both in parts."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol

import pydantic
from pydantic import Field

from trainer.data.cuts import CodedFolder, CodedTurn, holds
from trainer.data.settings import Where
from trainer.errors import UsageError
from trainer.mclp import Pair
from trainer.settings import Strict

TRUTH = "truth"  # the candidate where none is given: the ground truth itself, the best there is


@dataclass(frozen=True, slots=True)
class NamedPair:
    """A pair and what it is called; no pair where the candidate is missing."""

    cut_id: str
    turn: int
    candidate_id: str
    pair: Pair | None


class Pairs(Protocol):
    """Pairs in parts that can be read one by one."""

    parts: int

    def expected(self) -> int:
        """How many pairs there are at most."""
        ...

    def fingerprint(self, number: int) -> str:
        """Hash of everything that a part is made of."""
        ...

    def read(self, number: int) -> Iterator[NamedPair]:
        """The pairs of a part, in order.

        Raises:
            DataError: it is damaged.
        """
        ...


class ShardPairs:
    """Every turn of folders that `trainer.tokenize` wrote; a shard is a part."""

    def __init__(
        self,
        truth: str,
        candidates: Mapping[str, str],
        turns: Literal["all", "last"],
        where: Where,
    ) -> None:
        """Finds the folders; reads none of their shards.

        Args:
            truth: folder of the ground truth.
            candidates: name -> a folder with the same cuts in the same shards, of other speech;
                none: the ground truth itself.
            turns: which of a scene.
            where: fields of the ground truth's turns.

        Raises:
            UsageError: a folder has no finished codes, or not the ground truth's shards.
        """
        self._truth = CodedFolder(truth)
        self._others = {name: CodedFolder(folder) for name, folder in candidates.items()}
        self._turns, self._where = turns, where
        self.codecs = [self._truth.codec, *(other.codec for other in self._others.values())]
        indices = [shard.index for shard in self._truth.shards]
        for other in self._others.values():
            if [shard.index for shard in other.shards] != indices:
                raise UsageError(f"{other.folder} has not the shards of {truth}: not its cuts")
        self.parts = len(indices)

    def expected(self) -> int:
        """Turns, times candidates."""
        turns = self._truth.facts.rows_out
        if self._turns == "last":
            turns = self._truth.facts.counts.get("cuts", turns)
        return turns * max(1, len(self._others))

    def fingerprint(self, number: int) -> str:
        """Of the shard's files, and the choice of turns."""
        digest = hashlib.sha256(repr((self._turns, sorted(self._where.items()))).encode())
        for name, folder in [(TRUTH, self._truth), *self._others.items()]:
            shard = folder.shards[number]
            digest.update(name.encode())
            for path in (shard.cuts, shard.codes):
                with Path(path).open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    def read(self, number: int) -> Iterator[NamedPair]:
        """The pairs of a shard; see :class:`Pairs`."""
        others = {
            name: {_key(turn): turn for turn in folder.read(number).turns}
            for name, folder in self._others.items()
        }
        for turn in self._truth.read(number).turns:
            last = turn.number == len(turn.cut.manifest["supervisions"]) - 1
            if (not last and self._turns == "last") or not holds(turn, self._where):
                continue
            if not others:
                yield _named(turn, TRUTH, turn)
            for name, found in others.items():
                yield _named(turn, name, found.get(_key(turn)))


def _key(turn: CodedTurn) -> tuple[str, int]:
    return str(turn.cut.manifest["id"]), turn.number


def _named(truth: CodedTurn, name: str, candidate: CodedTurn | None) -> NamedPair:
    pair = None if candidate is None else Pair(truth.text, candidate.codes, truth.codes)
    return NamedPair(*_key(truth), name, pair)


class PairLine(Strict):
    """One line of a file of pairs."""

    cut_id: str
    turn: Annotated[int, Field(ge=0)]
    candidate_id: str
    text: str  # what both say
    candidate: list[int]  # codes
    truth: list[int]  # codes


class FilePairs:
    """JSON lines, so many a part."""

    def __init__(self, path: str, pairs_per_part: int) -> None:
        """Reads the file once, and checks every line.

        Raises:
            UsageError: the file cannot be read, or a line is no pair; the message has its number.
        """
        self._path, self._size = path, pairs_per_part
        self._begins: list[int] = []  # of the parts, bytes
        self._hashes: list[str] = []
        self._lines = 0
        try:
            with Path(path).open("rb") as stream:
                self._survey(stream)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
        if not self._lines:
            raise UsageError(f"{path}: no pairs there")
        self.parts = len(self._begins)

    def _survey(self, stream: Iterable[bytes]) -> None:
        at, digest = 0, hashlib.sha256()
        for number, line in enumerate(stream, 1):
            _parse(line, f"{self._path} line {number}")
            if self._lines % self._size == 0:
                self._begins.append(at)
                if self._lines:
                    self._hashes.append(digest.hexdigest())
                digest = hashlib.sha256()
            digest.update(line)
            self._lines += 1
            at += len(line)
        self._hashes.append(digest.hexdigest())

    def expected(self) -> int:
        """Lines."""
        return self._lines

    def fingerprint(self, number: int) -> str:
        """Of the part's lines."""
        return self._hashes[number]

    def read(self, number: int) -> Iterator[NamedPair]:
        """The pairs of a part; see :class:`Pairs`."""
        first = number * self._size
        with Path(self._path).open("rb") as stream:
            stream.seek(self._begins[number], io.SEEK_SET)
            for at in range(first, min(first + self._size, self._lines)):
                line = _parse(stream.readline(), f"{self._path} line {at + 1}")
                pair = Pair(line.text, tuple(line.candidate), tuple(line.truth))
                yield NamedPair(line.cut_id, line.turn, line.candidate_id, pair)


def _parse(line: bytes, where: str) -> PairLine:
    try:
        return PairLine.model_validate_json(line)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        steps = ".".join(str(step) for step in first["loc"])
        raise UsageError(f"{where}: {steps + ': ' if steps else ''}{first['msg']}") from error


def named_folders(texts: Sequence[str]) -> dict[str, str]:
    """``NAME=DIR`` as a table.

    Raises:
        UsageError: one is no such thing, or a name is there twice.

    >>> named_folders(["sft=data/sft/codes"])
    {'sft': 'data/sft/codes'}
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder) or name in found:
            raise UsageError(f"--candidates {text}: give NAME=DIR, every name once")
        found[name] = folder
    return found
