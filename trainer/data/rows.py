"""Coded turns -> rows: tokens that a layout made, and what rewards and metrics ask about them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from manifests.codes import FIELD as CODES_FIELD
from trainer.data.by_id import NameUnknown, Spoken
from trainer.data.context import context
from trainer.data.cuts import LABELS, CodedTurn, Shard
from trainer.data.references import References, draw_rejected
from trainer.data.settings import DataSettings, SourceSettings
from trainer.errors import LayoutError
from trainer.tokens.append import AppendLayout, Reference
from trainer.tokens.layout import Example
from trainer.tokens.ta4 import Ta4Layout


class RowDropped(Exception):
    """A turn that gives no row; the reason is counted."""

    def __init__(self, reason: str, detail: str) -> None:
        """The reason is one word, the detail for a person."""
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Row:
    """One example of training, and where it comes from."""

    id: str  # of the supervision
    cut_id: str
    source: str  # name of the source in the mixture
    example: Example
    text: str  # to be spoken
    codes: tuple[int, ...]  # of the ground truth; none where the row is a prompt alone
    speaker: str
    language: str
    instruction: str | None  # None: the default one
    reference_id: str | None = None
    reference: Reference | None = None  # append: whose voice
    rejected: Example | None = None  # of the same prompt, for DPO
    turn: int = 0  # in its scene
    fields: Mapping[str, Any] = field(default_factory=dict)  # custom ones of both, and labels

    def __len__(self) -> int:
        """Tokens, prompt and target; of the longer answer where there are two."""
        other = 0 if self.rejected is None else len(self.rejected)
        return max(len(self.example), other)


class RowBuilder(Protocol):
    """Makes rows of one source's turns."""

    def __call__(self, turn: CodedTurn, shard: Shard, epoch: int) -> Row:
        """The row of a turn.

        Args:
            turn: an utterance, or a turn of a scene.
            shard: the one it is from, whose other speech may be a reference.
            epoch: from 0; references are drawn anew in each.

        Raises:
            RowDropped: there is no row in it.
        """
        ...


class AppendRows:
    """Rows of FlexiVoice: instruction, text, reference -> codes."""

    def __init__(self, layout: AppendLayout, source: SourceSettings, seed: int) -> None:
        """Takes the layout and the source's settings; reads its folders of references."""
        self._layout = layout
        self._source = source
        self._seed = seed
        self.references = References(source.references, seed, source.folder)
        if source.pairs is not None and source.pairs.by is not None:
            self.references.by_id()  # read now, for the errors that it may have

    def __call__(self, turn: CodedTurn, shard: Shard, epoch: int) -> Row:
        """The row of a turn; see :class:`RowBuilder`."""
        instruction = _instruction(turn) if self._source.instruction else None
        try:
            drawn = self.references.draw(turn, shard, epoch)
            other = self._other(turn, shard, epoch)
        except NameUnknown as error:
            raise RowDropped("partner_missing", str(error)) from error
        reference = None if drawn is None else Reference(drawn.text, drawn.codes)
        if other is None and self._source.pairs is not None:
            raise RowDropped("no_pair", f"{turn.id}: no utterance that differs from it")
        try:
            if len(turn.codes_F):
                example = self._layout.encode(turn.text, turn.codes, instruction, reference)
            else:  # a prompt, for rollouts alone
                prompt = self._layout.prompt(turn.text, instruction, reference)
                example = Example(tuple(prompt), (), ())
            rejected = None
            if other is not None:
                target = tuple(self._layout.target(other.codes))
                rejected = Example(example.prompt_ids, target, (True,) * len(target))
        except LayoutError as error:
            raise RowDropped("layout", f"{turn.id}: {error}") from error
        return _row(
            turn,
            self._source,
            example,
            instruction=instruction,
            reference_id=None if drawn is None else drawn.id,
            reference=reference,
            rejected=rejected,
        )

    def _other(self, turn: CodedTurn, shard: Shard, epoch: int) -> CodedTurn | Spoken | None:
        """The utterance that is not preferred; None without one."""
        pairs = self._source.pairs
        if pairs is None:
            return None
        if pairs.by is not None:
            return self.references.by_id().named(turn, pairs.by)
        return draw_rejected(turn, shard, pairs, self._seed, epoch)


class Ta4Rows:
    """Rows of MCLP: scene, profiles, history -> TA4."""

    def __init__(self, layout: Ta4Layout, source: SourceSettings, data: DataSettings) -> None:
        """Takes the layout and the settings."""
        self._layout = layout
        self._source = source
        self._context = data.context
        self._seed = data.seed

    def __call__(self, turn: CodedTurn, shard: Shard, epoch: int) -> Row:
        """The row of a turn; see :class:`RowBuilder`."""
        share = self._context.without_history
        chance = random.Random(f"history {self._seed} {epoch} {turn.id}").random() if share else 1.0
        turns = context(turn, self._context, without_history=chance < share)
        try:
            example = self._layout.encode(turns, turn.text, turn.codes)
        except LayoutError as error:
            raise RowDropped("layout", f"{turn.id}: {error}") from error
        return _row(turn, self._source, example, instruction=_instruction(turn))


def _instruction(turn: CodedTurn) -> str | None:
    found = turn.custom.get("instruction")
    return found if isinstance(found, str) and not turn.custom.get("instruction_default") else None


def _row(
    turn: CodedTurn,
    source: SourceSettings,
    example: Example,
    **more: Any,  # noqa: ANN401  (fields of Row)
) -> Row:
    custom = {**(turn.cut.manifest.get("custom") or {}), **turn.labels, **turn.custom}
    return Row(
        id=turn.id,
        cut_id=str(turn.cut.manifest["id"]),
        source=source.name or source.folder,
        example=example,
        text=turn.text,
        codes=turn.codes,
        speaker=turn.speaker,
        language=str(turn.supervision.get("language") or ""),
        turn=turn.number,
        fields={name: custom[name] for name in custom if name not in (CODES_FIELD, LABELS)},
        **more,
    )
