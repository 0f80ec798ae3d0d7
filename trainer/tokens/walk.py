"""A grammar for a batch of sequences at once: what a sampler may draw next, row by row.

    walk = Walk(grammar, vocab, batch=8, max_tokens=600)
    while not walk.done_B.all():
        step = walk.step()
        logits_BV.masked_fill_(~step.allowed(classes_V), float("-inf"))
        ids_B = torch.where(step.forced_B >= 0, step.forced_B, sample(logits_BV))
        walk.advance(ids_B)

What a step allows is one byte a row, a set of token classes (`trainer.vocab.TokenClass`). Kept with
the sampled ids, it gives `trainer.logprobs` the sampler's support back, so that the log-probs that
are trained on are those that were sampled from.

Shapes: B sequences, V ids, S states of the grammar, C classes of tokens, M what a script says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.errors import LayoutError, UsageError
from trainer.tokens.grammar import Grammar, describe
from trainer.vocab import ANY_CLASS, SpeechVocab, TokenClass

_CLASSES = tuple(TokenClass)
# What a script says about the next token: nothing, that it is its own, that it is no text.
_FREE, _SCRIPTED, _SCRIPT_OVER = range(3)


@dataclass(frozen=True, slots=True)
class Step:
    """What each sequence of a batch may go on with."""

    support_B: Tensor  # uint8: the set of classes allowed; any class where the sequence is done
    forced_B: Tensor  # int64: the one id that is allowed; -1 where there is a choice
    cut_B: Tensor  # bool: the length limit took classes away that the grammar allows

    def allowed(self, classes_V: Tensor) -> Tensor:
        """Which ids are allowed, as bool [B, V]; `classes_V` is that of `class_table`."""
        return (self.support_B[:, None] & classes_V[None, :]) != 0


def class_table(vocab: SpeechVocab, rows: int, device: torch.device | str = "cpu") -> Tensor:
    """The class of every row of a model's head, uint8 [V]; rows without an id are `OTHER`.

    Raises:
        VocabError: the model has fewer rows than the tokenizer has ids.
    """
    vocab.check_rows(rows)
    table = np.full(rows, TokenClass.OTHER, dtype=np.uint8)
    table[: vocab.size] = np.frombuffer(vocab.classes, dtype=np.uint8)
    return torch.from_numpy(table).to(device)


class Walk:
    """Where each sequence of a batch is in a grammar, and how many tokens it has left.

    The limit never cuts a sequence off in the middle: as it comes near, only what can still be
    ended in time is allowed. Such steps are marked (`Step.cut_B`), since it is the limit, not the
    policy, that chose: a rollout with one is a truncated one.
    """

    def __init__(
        self,
        grammar: Grammar,
        vocab: SpeechVocab,
        batch: int,
        max_tokens: int,
        scripts: Sequence[Sequence[int]] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Every sequence at the start.

        Args:
            grammar: of the layout that is sampled.
            vocab: whose ids are walked over.
            batch: number of sequences.
            max_tokens: the most tokens of a sequence, its end included.
            scripts: the text of each sequence, ids. The text slots are then forced to it, one a
                group, and the speech cannot end before it is all said. None: the policy's choice.
            device: where the tensors are.

        Raises:
            UsageError: a sequence cannot end within `max_tokens`; there are not as many scripts as
                sequences, one is empty or holds an id that is no text, or the layout has no text.
        """
        self._vocab, self._grammar = vocab, grammar
        self._scripted = scripts is not None
        self._script_BT, self._script_len_B = _as_tensors(scripts, batch, grammar, vocab, device)
        least = grammar.fewest[grammar.start]
        least += grammar.tokens_per_group * max(0, self._script_BT.shape[1] - 2)
        if max_tokens < least:
            raise UsageError(
                f"max_tokens is {max_tokens}, and the longest sequence needs {least} at least: "
                "raise it, or leave texts that long out"
            )
        self._tables = _Tables(grammar, vocab, device)
        self._classes_V = class_table(vocab, vocab.size, device)
        self._state_B = torch.full((batch,), grammar.start, device=device)
        self._said_B = torch.zeros(batch, dtype=torch.long, device=device)  # tokens of the script
        self._left = max_tokens  # the same for all that are not done
        # With more tokens left than this the limit is far from all of them.
        self._far = 1 + max(grammar.fewest) + grammar.tokens_per_group * self._script_BT.shape[1]
        self._none_cut_B = torch.zeros(batch, dtype=torch.bool, device=device)
        self._step: Step | None = None

    @property
    def done_B(self) -> Tensor:  # noqa: N802 - shapes are in names
        """Which sequences have ended."""
        return self._state_B == self._grammar.done

    def step(self) -> Step:
        """What each sequence may go on with now."""
        if self._step is None:
            self._step = self._find_step()
        return self._step

    def _find_step(self) -> Step:
        tables, mode_B = self._tables, self._modes()
        support_B = tables.support_SM[self._state_B, mode_B]
        forced_B = tables.forced_SM[self._state_B, mode_B]
        cut_B = self._none_cut_B
        if self._left <= self._far:
            open_BC = tables.open_SMC[self._state_B, mode_B]
            # To the end from here: the fewest tokens there are, and a group for every unsaid one.
            unsaid_B = self._script_len_B - self._said_B - (mode_B == _SCRIPTED).long()
            needed_BC = 1 + tables.fewest_after_SC[self._state_B]
            needed_BC = needed_BC + (self._grammar.tokens_per_group * unsaid_B)[:, None]
            timely_BC = open_BC & (needed_BC <= self._left)
            cut_B = (timely_BC != open_BC).any(-1)
            timely_support_B, timely_forced_B = tables.summarise(timely_BC)
            support_B = torch.where(cut_B, timely_support_B, support_B)
            forced_B = torch.where(cut_B, timely_forced_B, forced_B)
        if self._scripted:
            script_B = self._script_BT.gather(1, self._said_B[:, None])[:, 0]
            forced_B = torch.where(mode_B == _SCRIPTED, script_B, forced_B)
        return Step(support_B, forced_B, cut_B)

    def _modes(self) -> Tensor:
        """For each sequence, what the script says about the next token."""
        if not self._scripted:
            return torch.zeros_like(self._state_B)
        unsaid_B = self._script_len_B > self._said_B
        at_text_B = self._tables.begins_group_S[self._state_B]
        return torch.where(at_text_B, torch.where(unsaid_B, _SCRIPTED, _SCRIPT_OVER), _FREE)

    def advance(self, ids_B: Tensor) -> None:
        """Goes on with one id a sequence; what is given for one that is done is not looked at.

        Raises:
            LayoutError: an id is not one that `step` allows; the message names the sequence.
        """
        step, done_B = self.step(), self.done_B
        inside_B = ids_B.clamp(0, self._vocab.size - 1)
        class_B = self._classes_V[inside_B]
        right_B = (inside_B == ids_B) & ((class_B & step.support_B) != 0)
        right_B &= (step.forced_B < 0) | (step.forced_B == ids_B)
        if not bool((right_B | done_B).all()):
            row = int((~(right_B | done_B)).nonzero()[0])
            support, forced = TokenClass(int(step.support_B[row])), int(step.forced_B[row])
            only = describe(support) if forced < 0 else f"id {forced}"
            raise LayoutError(
                f"sequence {row}: id {int(ids_B[row])} where only {only} may stand", row
            )
        if self._scripted:
            self._said_B += ((class_B == int(TokenClass.TEXT)) & ~done_B).long()
        after_B = self._tables.after_SX[self._state_B, class_B.long()]
        self._state_B = torch.where(done_B, self._state_B, after_B)
        self._left -= 1
        self._step = None


class _Tables:
    """A grammar as tensors, by state: what may come next and where it leads."""

    def __init__(self, grammar: Grammar, vocab: SpeechVocab, device: torch.device | str) -> None:
        states, classes = len(grammar.next_state), len(_CLASSES)
        after_SC = torch.full((states, classes), -1)
        for state, row in enumerate(grammar.next_state):
            for token_class, after in row.items():
                after_SC[state, _CLASSES.index(token_class)] = after
        fewest_S, begins_group_S = torch.tensor(grammar.fewest), torch.tensor(grammar.begins_group)
        self._bits_C = torch.tensor([int(one) for one in _CLASSES])
        only = [vocab.only_id(token_class) for token_class in _CLASSES]
        self._only_id_C = torch.tensor([-1 if i is None else i for i in only])
        is_text_C = self._bits_C == int(TokenClass.TEXT)
        at_text_SC = begins_group_S[:, None] & is_text_C
        not_text_SC = begins_group_S[:, None] & ~is_text_C
        open_SC = after_SC >= 0
        open_SMC = torch.stack([open_SC, open_SC & ~not_text_SC, open_SC & ~at_text_SC], 1)
        support_SM, forced_SM = self.summarise(open_SMC)
        support_SM[grammar.done] = int(ANY_CLASS)
        forced_SM[grammar.done] = vocab.end_id
        after_SX = torch.full((states, 2 * max(map(int, _CLASSES))), -1)  # by the class's own value
        after_SX[:, self._bits_C] = after_SC
        self.open_SMC = open_SMC.to(device)
        self.support_SM = support_SM.to(device)
        self.forced_SM = forced_SM.to(device)
        self.after_SX = after_SX.to(device)
        self.fewest_after_SC = fewest_S[after_SC.clamp(min=0)].to(device)
        self.begins_group_S = begins_group_S.to(device)
        self._bits_C, self._only_id_C = self._bits_C.to(device), self._only_id_C.to(device)

    def summarise(self, open_C: Tensor) -> tuple[Tensor, Tensor]:
        """Classes that are open, last axis, as a set; and the only id, -1 where there are more."""
        support = (open_C * self._bits_C).sum(-1).to(torch.uint8)
        only_id = self._only_id_C[open_C.int().argmax(-1)]
        return support, torch.where(open_C.sum(-1) == 1, only_id, -1)


def _as_tensors(
    scripts: Sequence[Sequence[int]] | None,
    batch: int,
    grammar: Grammar,
    vocab: SpeechVocab,
    device: torch.device | str,
) -> tuple[Tensor, Tensor]:
    """Scripts side by side with one -1 behind the longest, and lengths: 0 where there is none."""
    if scripts is None:
        return torch.full((batch, 1), -1, device=device), torch.zeros(
            batch, dtype=torch.long, device=device
        )
    if len(scripts) != batch:
        raise UsageError(f"{len(scripts)} scripts for {batch} sequences: give one for each")
    if not grammar.tokens_per_group:
        raise UsageError("this layout says no text, so it takes no scripts: leave them out")
    longest = max(len(script) for script in scripts)
    padded_BT = torch.full((batch, longest + 1), -1)
    for row, script in enumerate(scripts):
        if not len(script) or not all(vocab.is_text(token_id) for token_id in script):
            raise UsageError(f"the script of sequence {row} is empty, or not all of it is text")
        padded_BT[row, : len(script)] = torch.tensor(script)
    lengths_B = torch.tensor([len(script) for script in scripts])
    return padded_BT.to(device), lengths_B.to(device)
