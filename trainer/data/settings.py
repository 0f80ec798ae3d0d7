"""Settings of the trainer's data: which folders, in which shares, laid out how."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from trainer.settings import Strict

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]
Where = dict[str, bool | int | float | str | list[str]]  # field -> value, or one of several


class ReferenceSettings(Strict):
    """Where a share of the rows take their reference speech from (append only).

    Candidates are utterances of the same shard (or all of ``folder``) that are not the target, and
    for which ``where`` holds. A row without candidates has no reference.

    With ``by`` nothing is drawn: the row itself names its reference by id, as rows of a composed
    set do. It is looked for in ``folder``, or in all of the row's own folder. A row that names none
    has none.
    """

    share: Share = 1.0  # of the rows; what the shares leave over has no reference
    speaker: Literal["same", "any"] | None = None  # None: same
    where: Where = Field(default_factory=dict)  # {"emotion": "neutral"}
    folder: str | list[str] | None = None  # of tokenized shards; None: the row's own shard
    by: str | None = None  # a field with the reference's id: reference_id

    @property
    def folders(self) -> list[str]:
        """The folders; none where it is the row's own shard."""
        if self.folder is None:
            return []
        return [self.folder] if isinstance(self.folder, str) else list(self.folder)

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> ReferenceSettings:
        if self.by is not None and (self.share < 1.0 or self.speaker or self.where):
            raise ValueError("by names the references: leave out share, speaker and where")
        if self.folder is not None and not self.folders:
            raise ValueError("folder: no folder is named; leave it out for the row's own")
        return self


class PairSettings(Strict):
    """What makes another utterance the one not preferred, for DPO (FlexiVoice 3.2.1).

    Either one of the row's own shard that ``differs``, drawn anew every epoch, or the one that the
    row names ``by`` id, anywhere in its folder; then rows that name none are not trained on.
    """

    differs: str | None = None  # a field that it has another value of: emotion
    same_text: bool = True  # whether it says the same words; of the same speaker it always is
    by: str | None = None  # a field with its id: rejected_id

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> PairSettings:
        if (self.differs is None) == (self.by is None):
            raise ValueError("set one of differs and by")
        return self


class SourceSettings(Strict):
    """One folder of tokenized shards in the mixture."""

    folder: str
    weight: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1.0  # share of rows, relative
    where: Where = Field(default_factory=dict)  # only rows with these fields
    turns: Literal["all", "last"] = "all"  # of a scene; MCLP 4.3 trains RL on the last
    instruction: bool = True  # False gives every row the default one, as NVSpeech (A.2)
    references: list[ReferenceSettings] = Field(default_factory=list)  # none in pre-training (3.1)
    pairs: PairSettings | None = None
    name: str | None = None  # kept with each row; default: the folder

    @pydantic.model_validator(mode="after")
    def _shares(self) -> SourceSettings:
        if sum(one.share for one in self.references) > 1.0 + 1e-9:
            raise ValueError("the shares of references are more than 1 together")
        return self


class ContextSettings(Strict):
    """How a scene becomes the context of a turn (TA4 only; MCLP 4.2)."""

    history: Literal["audio", "text", "none"] = "audio"  # earlier turns: spoken, read, or left out
    without_history: Share = (
        0.0  # of the rows; the paper tests both and does not say what it trains
    )
    wording: Literal["zh", "en"] = "zh"


class DataSettings(Strict):
    """What a training stage eats."""

    layout: Literal["append", "ta4"]
    sources: Annotated[list[SourceSettings], Field(min_length=1)]
    rows_per_batch: Count | None = None  # a global batch, over all ranks ...
    tokens_per_batch: Count | None = None  # ... or as many rows as these tokens hold
    max_row_tokens: Count = 4096  # longer rows are left out and counted
    window_shards: Count = 4  # shards that rows are shuffled across, and read to go on
    seed: int = 0
    shuffle: bool = True
    context: ContextSettings = Field(default_factory=ContextSettings)
    joiner: str = " "  # between the reference's transcript and the text (append)

    @pydantic.model_validator(mode="after")
    def _one_size(self) -> DataSettings:
        if (self.rows_per_batch is None) == (self.tokens_per_batch is None):
            raise ValueError("set one of rows_per_batch and tokens_per_batch")
        if self.tokens_per_batch is not None and self.tokens_per_batch < self.max_row_tokens:
            raise ValueError("tokens_per_batch is less than max_row_tokens: a row may not fit")
        return self
