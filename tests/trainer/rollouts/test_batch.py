"""What is trained on is what was sampled: the trainer's log-probs are the sampler's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.trainer.rollouts.speakers import append, append_prompts, ta4, ta4_prompts
from trainer.head import hidden_states, output_head
from trainer.logprobs import Support, selected_logprobs
from trainer.rollouts.batch import training_rows
from trainer.rollouts.sampler import TorchSampler
from trainer.rollouts.settings import SamplingSettings
from trainer.tokens.walk import class_table


@pytest.mark.parametrize("name", ["append", "ta4"])
@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.3])
def test_selected_logprobs_are_the_sampling_logprobs(name: str, temperature: float) -> None:
    layout: Any
    if name == "append":
        layout, _, model = append()
        prompts = append_prompts()
    else:
        layout, _, model = ta4()
        prompts = ta4_prompts()
    sampling = SamplingSettings(max_tokens=90, temperature=temperature, seed=3)
    rollouts = TorchSampler(model, layout.vocab).generate(prompts, 3, sampling, layout.grammar)
    chosen = [7, 0, 4, 3, 8]
    rows = training_rows(rollouts, chosen, layout.vocab.end_id)
    with torch.no_grad():
        found = selected_logprobs(
            hidden_states(model, rows.ids_MS, rows.attention_MS),
            output_head(model),
            rows.ids_MS,
            rows.trained_MS,
            support=Support(rows.support_MS, class_table(layout.vocab, model.config.vocab_size)),
            temperature=temperature,
        )
    torch.testing.assert_close(found.logprobs_BT, rows.sampling_logprobs_MS, atol=1e-5, rtol=0)
    assert int(rows.trained_MS.sum()) == int(rollouts.trained_BT[chosen].sum()) > 20
    assert float(rows.sampling_logprobs_MS.min()) < -1.0  # and they are not all zero


def test_over_all_ids_they_would_be_others() -> None:
    """The trap: a grammar in the sampler, and none in the loss."""
    layout, _, model = append()
    sampling = SamplingSettings(max_tokens=90, seed=3)
    sampler = TorchSampler(model, layout.vocab)
    rollouts = sampler.generate(append_prompts(), 3, sampling, layout.grammar)
    rows = training_rows(rollouts, range(9), layout.vocab.end_id)
    with torch.no_grad():
        found = selected_logprobs(
            hidden_states(model, rows.ids_MS, rows.attention_MS),
            output_head(model),
            rows.ids_MS,
            rows.trained_MS,
        )
    difference = (found.logprobs_BT - rows.sampling_logprobs_MS)[rows.trained_MS].abs()
    assert float(difference.mean()) > 0.1


def test_rows_are_prompt_and_completion_side_by_side() -> None:
    layout, _, model = append()
    prompts = append_prompts()
    sampling = SamplingSettings(max_tokens=40, seed=3)
    rollouts = TorchSampler(model, layout.vocab).generate(prompts, 2, sampling, layout.grammar)
    rows = training_rows(rollouts, [5, 2], pad_id=0)
    completions = rollouts.completions()
    for number, row in enumerate([5, 2]):
        width = int(rows.attention_MS[number].sum())
        expected = [*prompts[row // 2].ids, *completions[row]]
        assert rows.ids_MS[number, :width].tolist() == expected
        assert not bool(rows.trained_MS[number, : len(prompts[row // 2].ids)].any())
        assert not bool(rows.trained_MS[number, width:].any())
    assert rows.ids_MS.shape == (2, max(rows.attention_MS.sum(-1)))
