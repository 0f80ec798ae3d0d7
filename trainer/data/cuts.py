"""Shards with codes -> coded turns: one utterance, or one turn of a scene, ready to be laid out.

Nothing of Lhotse's is used to read: training needs the JSON and the codes, and Lhotse's objects
cost more time than both. What Lhotse reads is the same, which a test holds.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from manifests.codec import CodecIdentity, CodecMissing, read_codec
from manifests.codes import CODEC, CodedCut, Codes, CodeShard, list_code_shards, read_coded
from manifests.prompt_cuts import are_prompts
from manifests.recorded import ShardDamaged
from schemas import StageFacts
from trainer.data.settings import Where
from trainer.errors import DataError, UsageError

LABELS = "labels"  # the custom field of manifests.cuts that field() looks into


@dataclass(frozen=True, slots=True)
class CodedTurn:
    """One supervision of a cut, its codes, and the cut around it."""

    cut: CodedCut
    number: int  # among the cut's supervisions, from 0
    codes_F: Codes

    @property
    def codes(self) -> tuple[int, ...]:
        """Its codes, one a frame."""
        return tuple(self.codes_F.tolist())

    @property
    def supervision(self) -> dict[str, Any]:
        """As JSON has it."""
        found: dict[str, Any] = self.cut.manifest["supervisions"][self.number]
        return found

    @property
    def id(self) -> str:
        """The supervision's."""
        return str(self.supervision["id"])

    @property
    def text(self) -> str:
        """The transcript."""
        return str(self.supervision.get("text") or "")

    @property
    def speaker(self) -> str:
        """The speaker's label."""
        return str(self.supervision.get("speaker") or "")

    @property
    def custom(self) -> dict[str, Any]:
        """The supervision's own fields."""
        return self.supervision.get("custom") or {}

    @property
    def labels(self) -> dict[str, Any]:
        """What the corpus labels: ``{"emotion": "happy"}``; a list where there are several."""
        return self.custom.get(LABELS) or {}

    def field(self, name: str) -> object:
        """A field by name: a custom one of the supervision, a label, its own, one of the cut's."""
        whole = self.cut.manifest.get("custom") or {}
        for fields in (self.custom, self.labels, self.supervision, whole):
            if name in fields:
                return fields[name]
        return None


@dataclass(frozen=True)
class Shard:
    """All turns of one shard, in order."""

    turns: list[CodedTurn]

    @cached_property
    def speakers(self) -> dict[str, list[CodedTurn]]:
        """Speaker -> that speaker's turns, in order."""
        found: dict[str, list[CodedTurn]] = {}
        for turn in self.turns:
            found.setdefault(turn.speaker, []).append(turn)
        return found


class CodedFolder:
    """One finished folder of `trainer.tokenize`."""

    def __init__(self, folder: str) -> None:
        """Finds its shards and whose codes they are; reads none of them.

        Raises:
            UsageError: there are no codes, a shard lacks them, or tokenize has not finished.
        """
        self.folder = folder
        if are_prompts(folder):
            raise UsageError(
                f"{folder} has prompts without speech: only a source of trainer.grpo can be such a "
                "folder; give one of trainer.tokenize"
            )
        try:
            self.codec: CodecIdentity = read_codec(folder)
        except CodecMissing as error:
            raise UsageError(str(error)) from error
        self.shards: list[CodeShard] = list_code_shards(folder)
        lost = [shard.codes for shard in self.shards if not Path(shard.codes).is_file()]
        if lost:
            raise UsageError(f"{lost[0]} is missing: a shard without codes; run trainer.tokenize")
        facts = Path(folder, "stage.json")
        if not self.shards or not facts.is_file():
            raise UsageError(f"{facts} is missing: not finished; run trainer.tokenize again")
        try:
            self.facts = StageFacts.from_json(facts.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UsageError(f"{facts}: {error}; run trainer.tokenize again") from error

    def fingerprint(self) -> list[object]:
        """What of the folder must be the same when training goes on."""
        sizes = [Path(s.cuts).stat().st_size + Path(s.codes).stat().st_size for s in self.shards]
        return [self.codec.fingerprint, self.facts.rows_out, sizes]

    def read(self, number: int) -> Shard:
        """All turns of one shard.

        Raises:
            DataError: the shard is damaged, its codes are of another tokenizer or out of range,
                or a turn has none.
        """
        try:
            with _no_collection():
                cuts = list(read_coded(self.shards[number]))
            turns = [turn for cut in cuts for turn in self._turns(cut)]
        except ShardDamaged as error:
            raise DataError(f"{error}; remove the folder and run trainer.tokenize again") from error
        self._check_range(cuts)
        return Shard(turns)

    def _turns(self, cut: CodedCut) -> list[CodedTurn]:
        custom = cut.manifest.get("custom") or {}
        if custom.get(CODEC) != self.codec.short:
            raise DataError(
                f"{cut.where}: codes of {custom.get(CODEC)}, but {self.folder} is of "
                f"{self.codec.short}: remove the folder and run trainer.tokenize again"
            )
        turns = []
        for number, supervision in enumerate(cut.manifest["supervisions"]):
            codes = cut.codes_of(supervision)
            if not len(codes):
                raise DataError(
                    f"{cut.where}: turn {supervision.get('id')!r} has no codes, an empty target; "
                    "run trainer.tokenize again"
                )
            turns.append(CodedTurn(cut, number, codes))
        return turns

    def _check_range(self, cuts: Sequence[CodedCut]) -> None:
        after = self.codec.cardinality
        together = np.concatenate([cut.codes for cut in cuts]) if cuts else np.zeros(0)
        if not len(together) or 0 <= together.min() <= together.max() < after:
            return
        cut = next(one for one in cuts if ((one.codes < 0) | (one.codes >= after)).any())
        raise DataError(
            f"{cut.where}: codes {cut.codes.min()}..{cut.codes.max()} are not in 0..{after - 1}: "
            "remove the folder and run trainer.tokenize again"
        )


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """No garbage collection while thousands of objects are made that are all kept.

    Each new one counts towards the next pass over everything that torch and transformers have in
    memory: measured, reading 4,000 cuts takes 0.48 s with and 0.16 s without.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def holds(turn: CodedTurn, where: Where) -> bool:
    """Whether the turn has all of these fields with one of their values.

    A condition is a value, or a list of values of which one is enough; so is one of a label's
    several values.
    """
    return all(_meets(turn.field(name), wanted) for name, wanted in where.items())


def _meets(found: object, wanted: object) -> bool:
    if isinstance(found, list):
        return found == wanted or any(_meets(one, wanted) for one in found)
    return found in wanted if isinstance(wanted, list) else found == wanted


def one_codec(folders: Sequence[CodedFolder]) -> CodecIdentity:
    """The speech tokenizer that all folders' codes are of.

    Raises:
        UsageError: they are of several.
    """
    first = folders[0]
    for other in folders[1:]:
        if other.codec != first.codec:
            raise UsageError(
                f"{first.folder} has codes of {first.codec.short}, {other.folder} of "
                f"{other.codec.short}: tokenize all with one speech tokenizer"
            )
    return first.codec
