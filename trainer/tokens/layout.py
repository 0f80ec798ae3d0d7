"""What every layout makes of text and codes, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from trainer.errors import LayoutError
from trainer.tokens.grammar import Grammar
from trainer.vocab import SpeechVocab

Role = Literal["system", "human", "assistant"]


@dataclass(frozen=True, slots=True)
class Example:
    """One training example: what is given, what is to be said, and what of that is trained on."""

    prompt_ids: tuple[int, ...]
    target_ids: tuple[int, ...]
    loss_mask: tuple[bool, ...]  # one a target id; prompts are never trained on

    def __post_init__(self) -> None:
        """A mask of another length would train on the wrong tokens without a word."""
        if len(self.loss_mask) != len(self.target_ids):
            raise LayoutError(
                f"{len(self.loss_mask)} values of loss_mask for {len(self.target_ids)} target ids"
            )

    def __len__(self) -> int:
        """Tokens of prompt and target together."""
        return len(self.prompt_ids) + len(self.target_ids)


@dataclass(frozen=True, slots=True)
class Speech:
    """What a stretch of generated tokens says: its text, where the layout has any, and codes."""

    text_ids: tuple[int, ...]
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation; with codes, it is spoken and its text is the transcript."""

    role: Role
    text: str
    codes: tuple[int, ...] | None = None


class Layout(Protocol):
    """What every layout can do with the ids of a target."""

    vocab: SpeechVocab
    grammar: Grammar

    def decode(self, target_ids: Sequence[int]) -> Speech:
        """What a well-formed target says.

        Raises:
            LayoutError: it is not well-formed; the message names the position and the rule.
        """
        ...

    def extract(self, ids: Sequence[int]) -> Speech:
        """Text and codes of any ids in their order, well-formed or not; pads are left out."""
        ...

    def validate(self, target_ids: Sequence[int]) -> None:
        """Checks a target.

        Raises:
            LayoutError: it is not well-formed; the message names the position and the rule.
        """
        ...


def extract(vocab: SpeechVocab, ids: Sequence[int]) -> Speech:
    """Text and codes of any ids in their order, well-formed or not; pads are left out.

    What Step-Audio 2's own code does with what the model said. Text after the end of the speech
    is no part of it.
    """
    spoken = list(ids)
    if vocab.end_id in spoken:
        spoken = spoken[: spoken.index(vocab.end_id)]
    text = [token_id for token_id in spoken if vocab.is_text(token_id)]
    return Speech(text_ids=tuple(text), codes=tuple(vocab.to_codes(spoken)))


def check_speech(vocab: SpeechVocab, codes: Sequence[int], what: str) -> list[int]:
    """The ids of the codes of one stretch of speech.

    Raises:
        LayoutError: there are none, or one is out of range.
    """
    if not len(codes):
        raise LayoutError(
            f"the {what} has no codes: leave such rows out, or make their codes with "
            "python -m trainer.tokenize"
        )
    return vocab.to_ids(codes)
