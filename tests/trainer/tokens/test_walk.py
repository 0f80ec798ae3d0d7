from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.trainer.layouts import append, ta4
from trainer.errors import LayoutError, UsageError, VocabError
from trainer.tokens.grammar import Grammar
from trainer.tokens.walk import Step, Walk, class_table
from trainer.vocab import ANY_CLASS, SpeechVocab, TokenClass


def draw(step: Step, classes_V: Tensor, generator: torch.Generator) -> Tensor:
    """One allowed id a sequence, all as likely."""
    weights_BV = step.allowed(classes_V).float()
    ids_B = torch.multinomial(weights_BV, 1, generator=generator)[:, 0]
    return torch.where(step.forced_B >= 0, step.forced_B, ids_B)


def sample(
    grammar: Grammar,
    vocab: SpeechVocab,
    batch: int,
    max_tokens: int,
    seed: int,
    scripts: list[list[int]] | None = None,
) -> tuple[list[list[int]], list[Step]]:
    """Random sequences, and the steps they were made in."""
    walk = Walk(grammar, vocab, batch, max_tokens, scripts)
    generator = torch.Generator().manual_seed(seed)
    classes_V = class_table(vocab, vocab.size)
    said: list[list[int]] = [[] for _ in range(batch)]
    steps = []
    while not bool(walk.done_B.all()):
        done, step = walk.done_B.tolist(), walk.step()
        ids_B = draw(step, classes_V, generator)
        for row, over in enumerate(done):
            if not over:
                said[row].append(int(ids_B[row]))
        steps.append(step)
        walk.advance(ids_B)
    return said, steps


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(7, 60))
def test_random_ta4_is_always_well_formed_and_never_too_long(seed: int, limit: int) -> None:
    said, _ = sample(ta4().grammar, ta4().vocab, 4, limit, seed)
    for ids in said:
        ta4().validate(ids, full_groups=True)
        assert len(ids) <= limit


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30))
def test_random_append_is_always_well_formed_and_never_too_long(seed: int, limit: int) -> None:
    said, _ = sample(append().grammar, append().vocab, 4, limit, seed)
    for ids in said:
        append().validate(ids)
        assert len(ids) <= limit


scripts = st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=6), min_size=3, max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), scripts, st.integers(0, 30))
def test_a_script_is_said_word_for_word(seed: int, said: list[list[int]], slack: int) -> None:
    limit = 5 * max(map(len, said)) + 2 + slack
    found, _ = sample(ta4().grammar, ta4().vocab, 3, limit, seed, said)
    for ids, script in zip(found, said, strict=True):
        assert list(ta4().decode(ids).text_ids) == script
        assert len(ids) <= limit


def test_what_stands_in_a_text_slot_is_forced_by_the_script() -> None:
    vocab = ta4().vocab
    walk = Walk(ta4().grammar, vocab, 2, 40, [[65], [66, 67]])
    assert walk.step().forced_B.tolist() == [65, 66]
    walk.advance(torch.tensor([65, 66]))
    for _ in range(4):
        step = walk.step()
        assert step.forced_B.tolist() == [-1, -1]
        assert not bool(step.cut_B.any())
        walk.advance(torch.tensor([vocab.first_code_id] * 2))
    step = walk.step()
    # The first script is over: a pad, or the end. The second is not, and cannot end yet.
    assert step.forced_B.tolist() == [-1, 67]
    assert step.support_B.tolist() == [TokenClass.TEXT_PAD | TokenClass.END, TokenClass.TEXT]
    walk.advance(torch.tensor([vocab.end_id, 67]))
    assert walk.step().forced_B.tolist() == [vocab.turn_end_id, -1]  # no other id is allowed


def test_the_limit_takes_choices_away_and_says_so() -> None:
    vocab = append().vocab
    walk = Walk(append().grammar, vocab, 1, 3)
    code = torch.tensor([vocab.first_code_id])
    first = walk.step()
    assert not bool(first.cut_B.any())  # nothing but a code may begin: no choice was taken
    walk.advance(code)
    assert walk.step().support_B.tolist() == [TokenClass.CODE | TokenClass.END]
    walk.advance(code)
    last = walk.step()
    assert last.cut_B.tolist() == [True] and last.forced_B.tolist() == [vocab.end_id]
    with pytest.raises(LayoutError, match=f"sequence 0: id {int(code)} where only id"):
        walk.advance(code)
    walk.advance(last.forced_B)
    assert walk.done_B.tolist() == [True]


def test_a_done_sequence_waits_for_the_others() -> None:
    vocab = append().vocab
    walk = Walk(append().grammar, vocab, 2, 20)
    code, end = vocab.first_code_id, vocab.end_id
    walk.advance(torch.tensor([code, code]))
    walk.advance(torch.tensor([end, code]))
    step = walk.step()
    assert walk.done_B.tolist() == [True, False]
    assert step.support_B[0] == int(ANY_CLASS)  # so that its logits are not all masked
    assert step.forced_B.tolist() == [end, -1] and not bool(step.cut_B.any())
    walk.advance(torch.tensor([12345, end]))  # what a done one is given is not looked at
    assert bool(walk.done_B.all())


@pytest.mark.parametrize("wrong", [-1, 10**6, 65])
def test_an_id_that_is_not_allowed_names_its_sequence(wrong: int) -> None:
    vocab = append().vocab
    walk = Walk(append().grammar, vocab, 2, 20)
    with pytest.raises(LayoutError, match=f"sequence 1: id {wrong} where only code"):
        walk.advance(torch.tensor([vocab.first_code_id, wrong]))


def test_other_text_than_the_script_is_refused() -> None:
    walk = Walk(ta4().grammar, ta4().vocab, 1, 20, [[65]])
    with pytest.raises(LayoutError, match="id 66 where only id 65"):
        walk.advance(torch.tensor([66]))


def test_bad_limits_and_scripts_are_refused_before_anything_is_sampled() -> None:
    grammar, vocab = ta4().grammar, ta4().vocab
    Walk(grammar, vocab, 1, 17, [[65, 66, 67]])
    with pytest.raises(UsageError, match="16, and the longest sequence needs 17"):
        Walk(grammar, vocab, 1, 16, [[65, 66, 67]])
    with pytest.raises(UsageError, match="needs 7"):
        Walk(grammar, vocab, 1, 6)
    with pytest.raises(UsageError, match="1 scripts for 2"):
        Walk(grammar, vocab, 2, 50, [[65]])
    for script in ([], [vocab.end_id]):
        with pytest.raises(UsageError, match="script of sequence 0"):
            Walk(grammar, vocab, 1, 50, [script])
    with pytest.raises(UsageError, match="takes no scripts"):
        Walk(append().grammar, append().vocab, 1, 50, [[65]])


def test_rows_of_the_head_without_an_id_are_never_allowed() -> None:
    vocab = append().vocab
    classes_V = class_table(vocab, vocab.size + 3)
    assert classes_V[-3:].tolist() == [TokenClass.OTHER] * 3
    allowed_BV = Walk(append().grammar, vocab, 1, 9).step().allowed(classes_V)
    assert int(allowed_BV.sum()) == vocab.n_codes
    with pytest.raises(VocabError):
        class_table(vocab, vocab.size - 1)
