"""The cache gives a model the same keys and values as transformers' own, and copies less."""

from __future__ import annotations

import torch
from transformers import DynamicCache

from tests.trainer.rollouts.speakers import append
from trainer.rollouts.kv_cache import _ROOM, GrowingCache, GrowingLayer


def test_the_same_logits_as_with_dynamic_cache_across_its_growth() -> None:
    model = append()[2]
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 256, (2, _ROOM + 40), generator=generator)
    ours, theirs = GrowingCache(), DynamicCache()
    with torch.no_grad():
        for start, stop in ((0, _ROOM - 3), (_ROOM - 3, _ROOM + 5), (_ROOM + 5, _ROOM + 40)):
            part = ids[:, start:stop]
            got = model(input_ids=part, past_key_values=ours, use_cache=True).logits
            expected = model(input_ids=part, past_key_values=theirs, use_cache=True).logits
            torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)
    assert ours.get_seq_length() == theirs.get_seq_length() == _ROOM + 40


def _layer() -> GrowingLayer:
    layer = GrowingLayer()
    states = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).view(2, 3, 4, 5)
    layer.update(states, -states)
    return layer


def test_a_token_is_written_in_place() -> None:
    layer = _layer()
    before = layer.keys
    keys, values = layer.update(torch.ones(2, 3, 1, 5), torch.zeros(2, 3, 1, 5))
    assert before is layer.keys
    assert keys.data_ptr() == layer.keys.data_ptr()  # type: ignore[union-attr]
    assert keys.shape == values.shape == (2, 3, 5, 5)
    assert bool((keys[:, :, -1] == 1).all())


def test_expanding_puts_copies_next_to_each_other() -> None:
    layer = _layer()
    layer.expand(3)
    keys, _ = layer.update(torch.ones(6, 3, 1, 5), torch.ones(6, 3, 1, 5))
    assert torch.equal(keys[0], keys[2]) and torch.equal(keys[3], keys[5])
    assert not torch.equal(keys[2], keys[3])


def test_keeping_rows_drops_the_others() -> None:
    layer = _layer()
    whole, _ = layer.update(torch.ones(2, 3, 1, 5), torch.ones(2, 3, 1, 5))
    second = whole[1].clone()
    layer.keep(torch.tensor([1]))
    kept, _ = layer.update(torch.ones(1, 3, 1, 5), torch.ones(1, 3, 1, 5))
    assert torch.equal(kept[0, :, :5], second)
