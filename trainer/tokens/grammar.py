"""What may follow what: a layout's rules as a finite automaton over token classes.

A layout states its rules once, as a function from a state to the classes that may come next and
the state each leads to. `build` walks all states from the start and numbers them, so that checking
one sequence and sampling many (`trainer.tokens.walk`) read the same table.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trainer.errors import LayoutError
from trainer.vocab import SpeechVocab, TokenClass

State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Grammar:
    """A finite automaton; states are numbers, and `start` and `done` two of them."""

    next_state: tuple[Mapping[TokenClass, int], ...]  # of each state, by class of the next token
    start: int
    done: int  # nothing may follow
    fewest: tuple[int, ...]  # tokens from each state to `done`, at least
    begins_group: tuple[bool, ...]  # in this state the next token is one of text, not of speech
    tokens_per_group: int  # a token of text and its speech; 0: the layout has no text

    def allowed(self, state: int) -> TokenClass:
        """The classes that may come next, as a set; empty when done."""
        found = TokenClass(0)
        for token_class in self.next_state[state]:
            found |= token_class
        return found

    def advance(self, state: int, token_class: TokenClass) -> int:
        """The state after a token of that class.

        Raises:
            LayoutError: no such token may come next.
        """
        try:
            return self.next_state[state][token_class]
        except KeyError:
            raise LayoutError(
                f"{describe(token_class)} where only {describe(self.allowed(state))} may stand"
            ) from None

    def check(self, ids: Sequence[int], vocab: SpeechVocab) -> None:
        """Checks a whole sequence, from the start to the end.

        Raises:
            LayoutError: it breaks a rule, goes on after the end, or stops before it.
        """
        state = self.start
        classes, size = vocab.classes, vocab.size
        for position, token_id in enumerate(ids):
            # Plain numbers, which the classes are: making enum members would take most of the time.
            number = classes[token_id] if 0 <= token_id < size else int(TokenClass.OTHER)
            after = self.next_state[state].get(number)  # type: ignore[call-overload]
            if after is None:
                raise LayoutError(
                    f"position {position}: id {token_id} is {describe(TokenClass(number))} where "
                    f"only {describe(self.allowed(state))} may stand",
                    position,
                )
            state = after
        if state != self.done:
            raise LayoutError(
                f"position {len(ids)}: the tokens stop where {describe(self.allowed(state))} must "
                "follow",
                len(ids),
            )


def describe(classes: TokenClass) -> str:
    """A set of classes for a person.

    >>> describe(TokenClass.CODE | TokenClass.AUDIO_PAD)
    'code or audio_pad'
    """
    names = [str(one.name).lower() for one in TokenClass if one in classes]
    return " or ".join(names) if names else "nothing"


def build(
    start: State,
    done: State,
    rules: Callable[[State], Mapping[TokenClass, State]],
    begins_group: Callable[[State], bool] = lambda _: False,
    tokens_per_group: int = 0,
) -> Grammar:
    """Numbers all states that can be reached, in order of discovery.

    Raises:
        ValueError: a state has no way to `done`; the rules are wrong.
    """
    numbers: dict[State, int] = {start: 0}
    table: list[dict[TokenClass, int]] = []
    waiting = deque([start])
    while waiting:
        following = {} if (state := waiting.popleft()) == done else rules(state)
        for after in following.values():
            if after not in numbers:
                numbers[after] = len(numbers)
                waiting.append(after)
        table.append({token_class: numbers[after] for token_class, after in following.items()})
    return Grammar(
        next_state=tuple(table),
        start=0,
        done=numbers[done],
        fewest=_fewest([row.values() for row in table], numbers[done]),
        begins_group=tuple(begins_group(state) for state in numbers),
        tokens_per_group=tokens_per_group,
    )


def _fewest(following: Sequence[Iterable[int]], done: int) -> tuple[int, ...]:
    """Steps from each state to `done`: relaxed until nothing changes; there are few states."""
    unknown = len(following) + 1
    steps = [0 if state == done else unknown for state in range(len(following))]
    changed = True
    while changed:
        changed = False
        for state, after in enumerate(following):
            best = min((steps[one] + 1 for one in after), default=unknown)
            if state != done and best < steps[state]:
                steps[state], changed = best, True
    if unknown in steps:
        raise ValueError(f"no way from state {steps.index(unknown)} to the end")
    return tuple(steps)
