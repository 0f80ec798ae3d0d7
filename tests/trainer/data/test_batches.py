from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.data.batches import bucketed, padding, share
from trainer.data.packing import pack_all, packed
from trainer.tiny import tiny_model
from trainer.tokens.layout import Example

LENGTHS = st.lists(st.integers(1, 600), min_size=1, max_size=80)


@given(LENGTHS, st.integers(1, 9))
def test_every_row_is_one_ranks(lengths: list[int], world_size: int) -> None:
    rows = list(enumerate(lengths))
    parts = [share(rows, lambda row: row[1], rank, world_size) for rank in range(world_size)]
    assert sorted(row for part in parts for row in part) == rows
    most = -(-len(rows) // world_size)
    assert all(len(part) <= most for part in parts)
    if len(rows) >= world_size * most:
        assert all(parts)


def test_ranks_have_nearly_equal_tokens() -> None:
    chance = random.Random(0)
    rows = [int(chance.lognormvariate(5.5, 0.6)) + 20 for _ in range(64)]
    tokens = [sum(share(rows, lambda row: row, rank, 8)) for rank in range(8)]
    plain = [sum(rows[rank::8]) for rank in range(8)]
    assert max(tokens) / (sum(rows) / 8) < 1.05 < max(plain) / (sum(rows) / 8)


@given(LENGTHS, st.integers(1, 2000))
def test_microbatches_hold_the_budget_and_every_row_once(
    lengths: list[int], max_tokens: int
) -> None:
    rows = list(enumerate(lengths))
    parts = bucketed(rows, lambda row: row[1], max_tokens)
    assert sorted(row for part in parts for row in part) == rows
    for part in parts:
        cost = max(length for _, length in part) * len(part)
        assert cost <= max_tokens or len(part) == 1


def test_rows_of_like_length_need_less_padding() -> None:
    chance = random.Random(0)
    rows = [chance.randint(50, 600) for _ in range(64)]
    parts = bucketed(rows, lambda row: row, 4096)
    assert padding(parts, lambda row: row) < 0.15


def example(chance: random.Random, longest: int = 40) -> Example:
    prompt = tuple(chance.randrange(300) for _ in range(chance.randint(1, longest)))
    target = tuple(chance.randrange(300) for _ in range(chance.randint(1, longest)))
    return Example(prompt, target, tuple(chance.random() < 0.8 for _ in target))


@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(1, 400))
def test_packs_hold_every_example_once(seed: int, number: int, max_tokens: int) -> None:
    chance = random.Random(seed)
    examples = [example(chance) for _ in range(number)]
    found = []
    for one in pack_all(examples, max_tokens):
        assert one.tokens <= max_tokens or len(one.pack.starts) == 1
        ends = [*one.pack.starts[1:], one.tokens]
        for start, end in zip(one.pack.starts, ends, strict=True):
            positions = one.pack.position_ids_1N[0, start:end].tolist()
            assert positions == list(range(end - start))
            assert not one.target_1N[0, start]  # nothing before predicts the first token
            found.append(
                (
                    tuple(one.pack.ids_1N[0, start:end].tolist()),
                    tuple(one.target_1N[0, start:end].tolist()),
                )
            )
    expected = [
        (
            (*one.prompt_ids, *one.target_ids),
            (*(False,) * len(one.prompt_ids), *one.loss_mask),
        )
        for one in examples
    ]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_sequences_do_not_see_each_other(attention: str) -> None:
    chance = random.Random(0)
    model = tiny_model(320)
    model.set_attn_implementation(attention)
    examples = [example(chance) for _ in range(5)]
    one = packed(examples)
    with torch.no_grad():
        together = model(
            input_ids=one.pack.ids_1N, position_ids=one.pack.position_ids_1N, use_cache=False
        ).logits[0]
        for start, row in zip(one.pack.starts, examples, strict=True):
            ids = torch.tensor([[*row.prompt_ids, *row.target_ids]])
            alone = model(input_ids=ids).logits[0]
            torch.testing.assert_close(
                together[start : start + len(row)], alone, atol=1e-5, rtol=1e-5
            )


def test_an_example_without_a_prompt_is_not_packed() -> None:
    with pytest.raises(ValueError, match="nothing predicts"):
        packed([Example((), (1,), (True,))])
