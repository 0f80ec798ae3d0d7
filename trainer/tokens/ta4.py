r"""TA4: one token of text, then four of speech, and so on (Step-Audio 2; MCLP 4.1).

A stretch of speech with T tokens of text and A codes is `n = max(ceil(A / 4), T)` groups of five.
Where the text has run out its slot holds the text pad, where the speech has, the audio pad:

    T = 2, A = 9    t c c c c  t c c c c  . c _ _ _      . text pad, _ audio pad
    T = 3, A = 2    t c c _ _  t _ _ _ _  t _ _ _ _

Step-Audio 2's own code pads the speech to n tokens instead of 4n, so that its last groups are
short (`t c c _  t  t`, `. c`). Both read back; what is written here is always full groups.

A conversation is turns of `<|BOT|>role\n...<|EOT|>`; a spoken turn is one of the assistant whose
content is `<tts_start>`, the groups, `<tts_end>`. History needs no audio encoder this way: it is
text and TA4 tokens. The target of training is everything after `<tts_start>`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from trainer.errors import LayoutError, VocabError
from trainer.tokens.grammar import Grammar, build
from trainer.tokens.layout import Example, Speech, Turn, check_speech, extract
from trainer.vocab import SpeechVocab, TokenClass, Tokenizer

CODES_PER_GROUP = 4
GROUP = 1 + CODES_PER_GROUP


class Ta4Layout:
    """Text and codes <-> TA4 tokens, for one tokenizer."""

    def __init__(self, vocab: SpeechVocab, tokenizer: Tokenizer) -> None:
        """Takes the tokenizer and its speech tokens.

        Raises:
            VocabError: the vocabulary lacks a pad or marker that TA4 needs.
        """
        self.vocab = vocab
        self._start_id = _needed(vocab.start_id, "start")
        self._audio_pad_id = _needed(vocab.audio_pad_id, "audio_pad")
        self._text_pad_id = _needed(vocab.text_pad_id, "text_pad")
        self._turn_start_id = _needed(vocab.turn_start_id, "turn_start")
        self._turn_end_id = _needed(vocab.turn_end_id, "turn_end")
        self.tokenizer = tokenizer
        self.grammar = GRAMMAR

    def groups(self, text_ids: Sequence[int], codes: Sequence[int]) -> list[int]:
        """Full groups of text and speech, without markers around them.

        Raises:
            LayoutError: there is no text or no code, or a code is out of range.
        """
        vocab = self.vocab
        if not len(text_ids):
            raise LayoutError("the speech has no text: TA4 needs its transcript")
        audio = check_speech(vocab, codes, "speech")
        n = max(-(-len(audio) // CODES_PER_GROUP), len(text_ids))
        text = [*text_ids, *[self._text_pad_id] * (n - len(text_ids))]
        audio += [self._audio_pad_id] * (CODES_PER_GROUP * n - len(audio))
        found: list[int] = []
        for number, text_id in enumerate(text):
            found.append(text_id)
            found += audio[CODES_PER_GROUP * number : CODES_PER_GROUP * (number + 1)]
        return found

    def prompt(self, turns: Sequence[Turn]) -> list[int]:
        """The conversation so far, and the beginning of a spoken turn of the assistant.

        Raises:
            LayoutError: a text holds the name of a special token; a turn that is not the
                assistant's has codes; a spoken turn has no text or a code out of range.
        """
        ids: list[int] = []
        for number, turn in enumerate(turns):
            ids += self._turn(turn, f"turn {number} ({turn.role})")
        ids += [self._turn_start_id, *self._text("assistant\n", "role"), self._start_id]
        return ids

    def target(self, text_ids: Sequence[int], codes: Sequence[int]) -> list[int]:
        """What is to be said: groups, then the ends of the speech and of the turn."""
        return [*self.groups(text_ids, codes), self.vocab.end_id, self._turn_end_id]

    def encode(self, turns: Sequence[Turn], text: str, codes: Sequence[int]) -> Example:
        """A training example: the conversation so far, then this text spoken with these codes.

        All of the target is trained on, text, pads and markers too (MCLP eq. 4: the whole of y).

        Raises:
            LayoutError: see `prompt` and `groups`.
        """
        target = self.target(self._text(text, "text"), codes)
        return Example(tuple(self.prompt(turns)), tuple(target), (True,) * len(target))

    def validate(self, target_ids: Sequence[int], *, full_groups: bool = False) -> None:
        """Checks a target, groups to the end of the turn.

        Args:
            target_ids: what follows `<tts_start>`.
            full_groups: refuse the short groups that Step-Audio 2's own code ends with.

        Raises:
            LayoutError: it is not well-formed; the message names the position and the rule.
        """
        (GRAMMAR if full_groups else LENIENT_GRAMMAR).check(target_ids, self.vocab)

    def decode(self, target_ids: Sequence[int]) -> Speech:
        """Text and codes of a well-formed target, with full or short groups at its end.

        Raises:
            LayoutError: see `validate`.
        """
        self.validate(target_ids)
        return self.extract(target_ids)

    def extract(self, ids: Sequence[int]) -> Speech:
        """Text and codes of any ids up to the end of speech, pads left out."""
        return extract(self.vocab, ids)

    def _turn(self, turn: Turn, what: str) -> list[int]:
        if turn.codes is None:
            content = self._text(f"{turn.role}\n{turn.text}", what)
            return [self._turn_start_id, *content, self._turn_end_id]
        if turn.role != "assistant":
            raise LayoutError(f"{what} has codes: only the assistant speaks in this layout")
        return [
            self._turn_start_id,
            *self._text("assistant\n", "role"),
            self._start_id,
            *self.target(self._text(turn.text, what), turn.codes),
        ]

    def _text(self, text: str, what: str) -> list[int]:
        return self.vocab.to_text(self.tokenizer, text, what)


def _needed(token_id: int | None, field: str) -> int:
    if token_id is None:
        raise VocabError(
            f"TA4 needs the token {field} and the vocabulary has none: name it, as "
            "trainer.vocab.step_audio_2 does, or use the layout append"
        )
    return token_id


class _State(NamedTuple):
    """Where in a stretch of speech one is."""

    slot: int = 0  # tokens of this group so far
    text_over: bool = False
    audio_over: bool = False
    pad_slot: bool = False  # this group's text slot is a pad, so it needs a code
    spoken: bool = False  # there was a code already
    short: bool = False  # a short group was: no more speech follows
    ending: bool = False  # the end of speech was said, the end of the turn was not


_DONE = _State(slot=-1)


def _rules(state: _State, *, short_groups: bool) -> dict[TokenClass, _State]:
    """The classes that may come next, and the state after each."""
    if state.ending:
        return {TokenClass.TURN_END: _DONE}
    following: dict[TokenClass, _State] = {}
    empty = state.slot == 1 and state.pad_slot  # a group of nothing but pads says nothing
    if state.slot and not state.short:
        if not state.audio_over:
            following[TokenClass.CODE] = _next_slot(state._replace(spoken=True))
        if state.spoken and not empty:
            following[TokenClass.AUDIO_PAD] = _next_slot(state._replace(audio_over=True))
    if state.slot:
        if not short_groups or not state.spoken or empty:
            return following
        state = state._replace(short=True)  # what may follow now may follow a group that ends here
    elif state.spoken and not state.audio_over:
        following[TokenClass.TEXT_PAD] = state._replace(slot=1, text_over=True, pad_slot=True)
    if not state.text_over:
        following[TokenClass.TEXT] = state._replace(slot=1, pad_slot=False)
    if state.spoken:
        following[TokenClass.END] = _State(ending=True)
    return following


def _next_slot(state: _State) -> _State:
    return state._replace(slot=(state.slot + 1) % GROUP)


def _grammar(*, short_groups: bool) -> Grammar:
    def rules(state: _State) -> Mapping[TokenClass, _State]:
        return _rules(state, short_groups=short_groups)

    def begins_group(state: _State) -> bool:
        return state.slot == 0 and not state.ending

    return build(_State(), _DONE, rules, begins_group, GROUP)


GRAMMAR = _grammar(short_groups=False)  # what is written, and sampled
LENIENT_GRAMMAR = _grammar(short_groups=True)  # what is read: short groups at the end as well
