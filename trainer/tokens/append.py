r"""Append: the chat template, then codes, then the end (FlexiVoice A.1).

The instruction and the text, with the transcript of the reference before it, are one turn of the
user in the text LLM's own chat template; the codes of the reference speech follow as the beginning
of the answer, and the model goes on with the codes of the text:

    <template> instruction \n reference transcript + text </template>  reference codes | codes end

The paper does not say how instruction, transcript and text are joined; see `joiner`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trainer.errors import LayoutError
from trainer.tokens.grammar import Grammar, build
from trainer.tokens.layout import Example, Speech, check_speech, extract
from trainer.vocab import SpeechVocab, TokenClass, Tokenizer

DEFAULT_INSTRUCTION = "Speak the following text"  # FlexiVoice 3.1


class ChatTokenizer(Tokenizer, Protocol):
    """A tokenizer with a chat template."""

    def apply_chat_template(
        self,
        conversation: list[dict[str, str]],
        *,
        tokenize: bool,
        add_generation_prompt: bool,
    ) -> Any:  # noqa: ANN401
        """The conversation as the model was trained to read it; text, if not to be tokenized."""
        ...


@dataclass(frozen=True, slots=True)
class Reference:
    """The speech whose voice is to be used, and what is said in it."""

    text: str
    codes: tuple[int, ...]


class AppendLayout:
    """Instruction, reference and text <-> tokens, for one tokenizer."""

    def __init__(self, vocab: SpeechVocab, tokenizer: ChatTokenizer, joiner: str = " ") -> None:
        """Takes the tokenizer and its speech tokens.

        Args:
            vocab: the tokenizer's speech tokens.
            tokenizer: one with a chat template.
            joiner: what stands between the reference's transcript and the text.
        """
        self.vocab = vocab
        self.tokenizer = tokenizer
        self.joiner = joiner
        self.grammar = GRAMMAR

    def prompt(
        self, text: str, instruction: str | None = None, reference: Reference | None = None
    ) -> list[int]:
        """What the model is given: the filled template and the reference's codes.

        Args:
            text: what to say.
            instruction: how; None or empty: `DEFAULT_INSTRUCTION`, as the paper does.
            reference: whose voice; None: the model's choice.

        Raises:
            LayoutError: the text is empty, a text holds the name of a special token, or the
                reference has no codes or one out of range.
        """
        if not text.strip():
            raise LayoutError("the text is empty: there is nothing to say")
        spoken = text if reference is None else f"{reference.text}{self.joiner}{text}"
        content = f"{instruction or DEFAULT_INSTRUCTION}\n{spoken}"
        self.vocab.to_text(self.tokenizer, content, "instruction and text")
        filled: str = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        ids = self.tokenizer.encode(filled, add_special_tokens=False)
        if reference is None:
            return ids
        return ids + check_speech(self.vocab, reference.codes, "reference")

    def target(self, codes: Sequence[int]) -> list[int]:
        """What is to be said: codes and their end.

        Raises:
            LayoutError: there are no codes, or one is out of range.
        """
        return [*check_speech(self.vocab, codes, "speech"), self.vocab.end_id]

    def encode(
        self,
        text: str,
        codes: Sequence[int],
        instruction: str | None = None,
        reference: Reference | None = None,
    ) -> Example:
        """A training example; all of the target is trained on, its end too.

        Raises:
            LayoutError: see `prompt` and `target`.
        """
        target = self.target(codes)
        prompt = self.prompt(text, instruction, reference)
        return Example(tuple(prompt), tuple(target), (True,) * len(target))

    def validate(self, target_ids: Sequence[int]) -> None:
        """Checks a target: codes, at least one, then the end.

        Raises:
            LayoutError: it is not so; the message names the position and the rule.
        """
        self.grammar.check(target_ids, self.vocab)

    def decode(self, target_ids: Sequence[int]) -> Speech:
        """The codes of a well-formed target; it has no text.

        Raises:
            LayoutError: see `validate`.
        """
        self.validate(target_ids)
        return self.extract(target_ids)

    def extract(self, ids: Sequence[int]) -> Speech:
        """The codes of any ids up to the end, well-formed or not."""
        return extract(self.vocab, ids)


def _rules(state: str) -> Mapping[TokenClass, str]:
    if state == "nothing yet":
        return {TokenClass.CODE: "speaking"}
    return {TokenClass.CODE: "speaking", TokenClass.END: "done"}


GRAMMAR: Grammar = build("nothing yet", "done", _rules)
