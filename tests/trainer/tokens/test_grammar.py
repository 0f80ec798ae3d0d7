from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.layouts import append, ta4
from trainer.errors import LayoutError
from trainer.tokens import append as append_module
from trainer.tokens import ta4 as ta4_module
from trainer.tokens.grammar import build
from trainer.tokens.layout import Example, Layout
from trainer.vocab import TokenClass

GRAMMARS = {
    "append": append_module.GRAMMAR,
    "ta4": ta4_module.GRAMMAR,
    "ta4, read": ta4_module.LENIENT_GRAMMAR,
}


@pytest.mark.parametrize("name", GRAMMARS)
def test_the_fewest_tokens_are_what_a_search_finds(name: str) -> None:
    grammar = GRAMMARS[name]
    for state in range(len(grammar.next_state)):
        reached, steps = {state}, 0
        while grammar.done not in reached:
            reached = {after for one in reached for after in grammar.next_state[one].values()}
            steps += 1
        assert grammar.fewest[state] == steps


def test_the_shortest_speeches() -> None:
    assert GRAMMARS["append"].fewest[0] == 2  # a code, the end
    assert GRAMMARS["ta4"].fewest[0] == 7  # a group, two ends
    assert GRAMMARS["ta4, read"].fewest[0] == 4


@given(st.data())
def test_whatever_the_ta4_grammar_allows_is_well_formed_and_reads_back(data: st.DataObject) -> None:
    layout, grammar = ta4(), GRAMMARS["ta4"]
    state, classes = grammar.start, list[TokenClass]()
    while state != grammar.done:
        choices = list(grammar.next_state[state])
        if len(classes) > 60:  # home by the shortest way
            choices.sort(key=lambda one: grammar.fewest[grammar.next_state[state][one]])
            choices = choices[:1]
        classes.append(data.draw(st.sampled_from(choices)))
        state = grammar.advance(state, classes[-1])
    known = {TokenClass.TEXT: 65, TokenClass.CODE: layout.vocab.first_code_id}
    ids = [known.get(one) or layout.vocab.only_id(one) or 0 for one in classes]
    layout.validate(ids, full_groups=True)
    speech = layout.decode(ids)
    # The only well-formed tokens that say this are these: nothing said is written in two ways.
    assert layout.target(speech.text_ids, speech.codes) == ids


def test_advancing_by_what_is_not_allowed_says_what_is() -> None:
    grammar = GRAMMARS["append"]
    with pytest.raises(LayoutError, match="end where only code may stand"):
        grammar.advance(grammar.start, TokenClass.END)
    assert grammar.allowed(grammar.start) == TokenClass.CODE
    assert grammar.allowed(grammar.done) == TokenClass(0)


def test_rules_without_a_way_out_are_an_error() -> None:
    def rules(state: str) -> Mapping[TokenClass, str]:
        if state == "start":
            return {TokenClass.CODE: "trap", TokenClass.END: "done"}
        return {TokenClass.CODE: "trap"}

    with pytest.raises(ValueError, match="no way"):
        build("start", "done", rules)


def test_the_layouts_sample_what_they_write() -> None:
    layouts: list[Layout] = [append(), ta4()]
    assert [one.grammar for one in layouts] == [GRAMMARS["append"], GRAMMARS["ta4"]]


def test_a_loss_mask_of_another_length_is_refused() -> None:
    with pytest.raises(LayoutError, match="2 values of loss_mask for 1 target ids"):
        Example((1,), (2,), (True, False))
    assert len(Example((1, 2), (3,), (True,))) == 3
