from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.head import hidden_states
from trainer.packing import Pack, bins
from trainer.tiny import tiny_model

SEQUENCES = ([5, 6, 7], [8], [9, 10, 11, 12, 13], [14, 15])


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_sequences_do_not_see_each_other(attention: str) -> None:
    model = tiny_model(40)
    model.set_attn_implementation(attention)
    pack = Pack.of(SEQUENCES)
    with torch.no_grad():
        packed = hidden_states(model, pack.ids_1N, position_ids_BT=pack.position_ids_1N)[0]
        for start, sequence in zip(pack.starts, SEQUENCES, strict=True):
            alone = hidden_states(model, torch.tensor([sequence]))[0]
            torch.testing.assert_close(
                packed[start : start + len(sequence)], alone, rtol=0, atol=1e-5
            )


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 100))
def test_every_sequence_is_in_one_bin_and_bins_are_full_at_most(
    lengths: list[int], limit: int
) -> None:
    found = list(bins(lengths, limit))
    assert sorted(index for one in found for index in one) == list(range(len(lengths)))
    for one in found:
        assert len(one) == 1 or sum(lengths[index] for index in one) <= limit


@pytest.mark.parametrize("sequences", [[], [[1], []]])
def test_an_empty_pack_is_an_error(sequences: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        Pack.of(sequences)
