"""The speech tokens of a tokenizer, by id: codes, pads and markers.

A speech model's vocabulary is that of a text LLM and, behind it, the codes of a speech tokenizer.
Step-Audio 2 has codes, a pad for either stream, and markers around a stretch of speech; FlexiVoice
(A.1) has codes only, appended to Phi-3.5's vocabulary. Nothing here is a number that was written
down: every id is asked of the tokenizer by name, and what it lacks is said at once.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from trainer.errors import LayoutError, VocabError


class TokenClass(enum.IntFlag):
    """What a token is; sets of classes are their sum, so that a set fits into one byte."""

    TEXT = 1  # an ordinary token of the text LLM
    CODE = 2  # a code of the speech tokenizer
    AUDIO_PAD = 4  # in a slot for a code where the speech has run out
    TEXT_PAD = 8  # in a slot for text where the text has run out
    END = 16  # ends a stretch of speech
    TURN_END = 32  # ends a turn of the conversation
    OTHER = 64  # any other marker; never part of what is generated


ANY_CLASS = TokenClass(127)


class Tokenizer(Protocol):
    """What is used of a Hugging Face fast tokenizer."""

    @property
    def all_special_ids(self) -> list[int]:
        """Ids of the tokens with a role, such as the end of a sequence."""
        ...

    @property
    def added_tokens_decoder(self) -> dict[int, Any]:
        """Tokens that were added to the vocabulary, by id; each has `special`."""
        ...

    def get_vocab(self) -> dict[str, int]:
        """Token -> id, added tokens included."""
        ...

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """The ids of a text; names of special tokens in it become those tokens."""
        ...


@dataclass(frozen=True, slots=True)
class SpeechNames:
    """What the speech tokens are called in a tokenizer."""

    code: str  # with one {}, for the number of the code
    n_codes: int
    end: str  # ends a stretch of speech
    start: str | None = None  # begins it; None: nothing does
    audio_pad: str | None = None  # None: the layout has no audio pads
    text_pad: str | None = None
    turn_start: str | None = None  # begins a turn of the conversation, before its role
    turn_end: str | None = None

    def markers(self) -> dict[str, str]:
        """Field -> name, of the markers that there are."""
        fields = ("end", "start", "audio_pad", "text_pad", "turn_start", "turn_end")
        names = {name: getattr(self, name) for name in fields}
        return {name: value for name, value in names.items() if value is not None}

    def tokens(self) -> list[str]:
        """All of them, in the order in which a tokenizer that lacks them should get them.

        Codes come last but for the audio pad, as in Step-Audio 2, where it is one more code.

        >>> step_audio_2(n_codes=2).tokens()[-3:]
        ['<audio_0>', '<audio_1>', '<audio_2>']
        """
        markers = self.markers()
        pad = markers.pop("audio_pad", None)
        codes = [self.code.format(number) for number in range(self.n_codes)]
        return [*markers.values(), *codes, *([] if pad is None else [pad])]


def step_audio_2(n_codes: int = 6561) -> SpeechNames:
    """The names of Step-Audio 2 (MCLP 4.1): S3 tokenizer v2, its pad named as one more code."""
    return SpeechNames(
        code="<audio_{}>",
        n_codes=n_codes,
        end="<tts_end>",
        start="<tts_start>",
        audio_pad=f"<audio_{n_codes}>",
        text_pad="<tts_pad>",
        turn_start="<|BOT|>",
        turn_end="<|EOT|>",
    )


def flexivoice(n_codes: int = 16384, code: str = "<code_{}>", end: str = "<|end|>") -> SpeechNames:
    """The names for FlexiVoice (A.1): DualCodec's codes appended to Phi-3.5's vocabulary.

    The paper names neither the codes nor what ends them; the end of a turn in Phi-3.5's chat
    template is the default for the latter, so that a text LLM stops where it is used to.
    """
    return SpeechNames(code=code, n_codes=n_codes, end=end)


@dataclass(frozen=True, slots=True)
class SpeechVocab:
    """Ids of the speech tokens, and the class of every id."""

    size: int  # ids of the tokenizer; a model may have more rows than that
    first_code_id: int
    n_codes: int
    end_id: int
    start_id: int | None = None
    audio_pad_id: int | None = None
    text_pad_id: int | None = None
    turn_start_id: int | None = None
    turn_end_id: int | None = None
    classes: bytes = field(default=b"", repr=False)  # one TokenClass an id, `size` of them

    @classmethod
    def from_tokenizer(cls, tokenizer: Tokenizer, names: SpeechNames) -> SpeechVocab:
        """Asks the tokenizer for every name.

        Raises:
            VocabError: a name is missing, or the codes are not one run of ids in their order.
        """
        ids = tokenizer.get_vocab()
        markers = {field: _find(ids, name, field) for field, name in names.markers().items()}
        first = _find(ids, names.code.format(0), "code 0")
        for number in range(names.n_codes):
            name = names.code.format(number)
            if _find(ids, name, f"code {number}") != first + number:
                raise VocabError(
                    f"the codes' ids are not one run: {name} has id {ids[name]}, expected "
                    f"{first + number}. Add all {names.n_codes} codes to the tokenizer in one go, "
                    "in order"
                )
        size = max(ids.values()) + 1
        classes = bytearray([TokenClass.TEXT]) * size
        added = tokenizer.added_tokens_decoder
        special = {number for number, token in added.items() if token.special}
        for number in special | set(tokenizer.all_special_ids):
            classes[number] = TokenClass.OTHER
        classes[first : first + names.n_codes] = bytes([TokenClass.CODE]) * names.n_codes
        for name, number in markers.items():
            if first <= number < first + names.n_codes:
                raise VocabError(f"{name} has id {number}, which is among the codes' ids")
            classes[number] = _CLASS_OF_MARKER.get(name, TokenClass.OTHER)
        return cls(
            size=size,
            first_code_id=first,
            n_codes=names.n_codes,
            classes=bytes(classes),
            **{f"{name}_id": number for name, number in markers.items()},
        )

    def class_of(self, token_id: int) -> TokenClass:
        """The class of an id; of one the tokenizer does not have, `OTHER`.

        >>> vocab = SpeechVocab(4, 1, 2, 3, classes=bytes([1, 2, 2, 16]))
        >>> vocab.class_of(2), vocab.class_of(9)
        (<TokenClass.CODE: 2>, <TokenClass.OTHER: 64>)
        """
        if 0 <= token_id < self.size:
            return TokenClass(self.classes[token_id])
        return TokenClass.OTHER

    def is_text(self, token_id: int) -> bool:
        """Whether an id is an ordinary token of the text LLM."""
        return 0 <= token_id < self.size and self.classes[token_id] == TokenClass.TEXT

    def is_code(self, token_id: int) -> bool:
        """Whether an id is a code of the speech tokenizer; the audio pad is none."""
        return 0 <= token_id - self.first_code_id < self.n_codes

    def only_id(self, token_class: TokenClass) -> int | None:
        """The one id of a class that has one; None for a class of many, and for several."""
        return {
            TokenClass.AUDIO_PAD: self.audio_pad_id,
            TokenClass.TEXT_PAD: self.text_pad_id,
            TokenClass.END: self.end_id,
            TokenClass.TURN_END: self.turn_end_id,
        }.get(token_class)

    def to_ids(self, codes: Sequence[int]) -> list[int]:
        """Codes of the speech tokenizer -> token ids.

        Raises:
            LayoutError: a code is out of range.

        >>> SpeechVocab(14, 10, 3, 13).to_ids([0, 2])
        [10, 12]
        """
        for position, code in enumerate(codes):
            if not 0 <= code < self.n_codes:
                raise LayoutError(
                    f"code {code} at position {position} is not in 0..{self.n_codes - 1}: were "
                    "these codes made by the speech tokenizer that this vocabulary is for?",
                    position,
                )
        return [self.first_code_id + int(code) for code in codes]

    def to_codes(self, ids: Sequence[int]) -> list[int]:
        """Token ids -> codes, of those ids that are codes; the others are left out.

        >>> SpeechVocab(14, 10, 3, 13).to_codes([10, 4, 12])
        [0, 2]
        """
        first, after = self.first_code_id, self.first_code_id + self.n_codes
        return [token_id - first for token_id in ids if first <= token_id < after]

    def to_text(self, tokenizer: Tokenizer, text: str, what: str) -> list[int]:
        """The token ids of a text that holds no name of a marker or code.

        Texts come from outside. One with `<|EOT|>` in it would end a turn, one with `<audio_7>`
        would be spoken to the model, so neither becomes a prompt.

        Args:
            tokenizer: the tokenizer this vocabulary is of.
            text: the text.
            what: what it is, for the message: "instruction".

        Raises:
            LayoutError: the text names a token that is no text.
        """
        ids = tokenizer.encode(text, add_special_tokens=False)
        for position, token_id in enumerate(ids):
            if not self.is_text(token_id):
                raise LayoutError(
                    f"the {what} {text[:60]!r} holds the name of the special token {token_id}, "
                    f"the {position + 1}. token of it: take it out of the text",
                    position,
                )
        return ids

    def check_rows(self, rows: int) -> None:
        """Checks that a model's embedding, so many rows, has every id of the tokenizer.

        Raises:
            VocabError: it has not.
        """
        if rows < self.size:
            raise VocabError(
                f"the model has {rows} rows of embeddings and the tokenizer {self.size} ids: "
                "resize the model's embeddings, or give it the tokenizer it was saved with"
            )


_CLASS_OF_MARKER = {
    "end": TokenClass.END,
    "audio_pad": TokenClass.AUDIO_PAD,
    "text_pad": TokenClass.TEXT_PAD,
    "turn_end": TokenClass.TURN_END,
}


def _find(ids: Mapping[str, int], name: str, what: str) -> int:
    try:
        return ids[name]
    except KeyError:
        raise VocabError(
            f"the tokenizer has no token {name} ({what}): give the tokenizer of a speech model, "
            "add the token to it, or name it differently in the configuration"
        ) from None
