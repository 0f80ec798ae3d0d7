"""The sampler draws what the plainest sampler would, reads prompts once, and says what it did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.trainer.rollouts.speakers import (
    append,
    append_prompts,
    full_logits,
    naive,
    ta4,
    ta4_prompts,
)
from trainer.errors import UsageError
from trainer.rollouts.protocol import RolloutPrompt, join
from trainer.rollouts.sampler import TorchSampler
from trainer.rollouts.settings import SamplingSettings
from trainer.tokens.walk import class_table
from trainer.vocab import TokenClass

SAMPLING = SamplingSettings(max_tokens=50, temperature=0.8, seed=7)
LONG = SAMPLING.model_copy(update={"max_tokens": 160})


def _layout(name: str) -> tuple[Any, Any, list[RolloutPrompt]]:
    if name == "append":
        layout, _, model = append()
        return layout, model, append_prompts()
    ta4_layout, _, model = ta4()
    return ta4_layout, model, ta4_prompts(scripted=name == "ta4 with scripts")


@pytest.mark.parametrize("name", ["append", "ta4"])
@pytest.mark.parametrize("greedy", [False, True])
def test_equals_the_naive_sampler_token_for_token(name: str, greedy: bool) -> None:
    layout, model, prompts = _layout(name)
    sampling = SAMPLING.model_copy(update={"greedy": greedy})
    rollouts = TorchSampler(model, layout.vocab).generate(prompts, 2, sampling, layout.grammar)
    assert len(rollouts) == 6
    checked = 0
    for row, ids in enumerate(rollouts.completions()):
        expected, logprobs = naive(
            model, layout.vocab, layout.grammar, prompts[row // 2], row % 2, sampling
        )
        if bool(rollouts.truncated_B[row]):  # near its limit the walk allows less
            ids, expected = ids[:30], expected[:30]
        assert ids == expected
        got = rollouts.logprobs_BT[row, : len(ids)]
        torch.testing.assert_close(got, torch.tensor(logprobs)[: len(ids)], atol=1e-5, rtol=0)
        checked += len(ids)
    assert checked > 30


@pytest.mark.parametrize("name", ["append", "ta4", "ta4 with scripts"])
def test_every_rollout_is_well_formed_and_says_its_script(name: str) -> None:
    layout, model, prompts = _layout(name)
    rollouts = TorchSampler(model, layout.vocab).generate(prompts, 4, LONG, layout.grammar)
    for row, ids in enumerate(rollouts.completions()):
        layout.validate(ids)
        script = rollouts.prompt_of(row).script
        if script is not None:
            assert layout.decode(ids).text_ids == script


@pytest.mark.parametrize("name", ["append", "ta4", "ta4 with scripts"])
def test_logprobs_are_those_of_one_pass_over_the_recorded_support(name: str) -> None:
    layout, model, prompts = _layout(name)
    rollouts = TorchSampler(model, layout.vocab).generate(prompts, 2, SAMPLING, layout.grammar)
    classes_V = class_table(layout.vocab, model.config.vocab_size)
    for row, ids in enumerate(rollouts.completions()):
        logits_TV = full_logits(model, rollouts.prompt_of(row).ids, ids) / SAMPLING.temperature
        support_T = rollouts.support_BT[row, : len(ids)]
        allowed_TV = (support_T[:, None] & classes_V[None, :]) != 0
        expected_T = logits_TV.masked_fill(~allowed_TV, -torch.inf).log_softmax(-1)
        expected_T = expected_T.gather(1, torch.tensor(ids)[:, None])[:, 0]
        free_T = ~rollouts.forced_BT[row, : len(ids)]
        got_T = rollouts.logprobs_BT[row, : len(ids)]
        torch.testing.assert_close(got_T[free_T], expected_T[free_T], atol=1e-5, rtol=0)
        assert bool((got_T[~free_T] == 0).all())


def test_greedy_without_a_grammar_equals_transformers_generate() -> None:
    layout, _, model = append()
    speaker: Any = model
    prompts = append_prompts()
    sampling = SamplingSettings(max_tokens=24, greedy=True)
    rollouts = TorchSampler(model, layout.vocab).generate(prompts, 1, sampling, None)
    for prompt, ids in zip(prompts, rollouts.completions(), strict=True):
        expected = speaker.generate(
            torch.tensor([prompt.ids]),
            max_new_tokens=24,
            do_sample=False,
            eos_token_id=layout.vocab.end_id,
            pad_token_id=layout.vocab.end_id,
        )
        assert ids == expected[0, len(prompt.ids) :].tolist()


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_neither_the_batch_nor_padding_nor_ended_rollouts_change_a_rollout(attention: str) -> None:
    layout, model, prompts = _layout("append")
    before = model.config._attn_implementation
    model.set_attn_implementation(attention)
    try:
        sampler = TorchSampler(model, layout.vocab)
        together = sampler.generate(prompts, 3, SAMPLING, layout.grammar)
        alone = [sampler.generate([prompt], 3, SAMPLING, layout.grammar) for prompt in prompts]
        split = TorchSampler(model, layout.vocab, max_rollouts=4)
        parts = split.generate(prompts, 3, SAMPLING, layout.grammar)
    finally:
        model.set_attn_implementation(before)
    assert len({len(ids) for ids in together.completions()}) > 3  # they do end at different times
    assert together.completions() == [ids for one in alone for ids in one.completions()]
    assert together.completions() == parts.completions()
    backwards = sampler.generate(prompts[::-1], 3, SAMPLING, layout.grammar).completions()
    assert together.completions() == [*backwards[6:], *backwards[3:6], *backwards[:3]]


def test_another_seed_or_key_gives_other_rollouts_and_the_same_gives_the_same() -> None:
    layout, model, prompts = _layout("append")
    sampler = TorchSampler(model, layout.vocab)
    first = sampler.generate(prompts[:1], 4, LONG, layout.grammar)
    again = sampler.generate(prompts[:1], 4, LONG, layout.grammar)
    assert torch.equal(first.ids_BT, again.ids_BT)
    assert torch.equal(first.logprobs_BT, again.logprobs_BT)
    seeded = LONG.model_copy(update={"seed": 8})
    other_key = replace(prompts[0], key="line-0, second pass")
    for changed in (
        sampler.generate(prompts[:1], 4, seeded, layout.grammar),
        sampler.generate([other_key], 4, LONG, layout.grammar),
    ):
        assert changed.completions() != first.completions()
    assert len({tuple(ids) for ids in first.completions()}) == 4  # a group is not one rollout


def test_the_prompt_is_read_once_for_the_whole_group() -> None:
    layout, model, prompts = _layout("append")
    seen: list[tuple[int, ...]] = []
    hook = model.model.register_forward_pre_hook(
        lambda _module, _args, kwargs: seen.append(tuple(kwargs["input_ids"].shape)),
        with_kwargs=True,
    )
    try:
        rollouts = TorchSampler(model, layout.vocab).generate(prompts, 8, LONG, layout.grammar)
    finally:
        hook.remove()
    longest = max(len(prompt.ids) for prompt in prompts)
    assert seen[0] == (3, longest)  # not 24 rows
    assert all(tokens == 1 for _, tokens in seen[1:])
    assert rollouts.forward_tokens["prompt"] == 3 * longest
    assert rollouts.forward_tokens["completion"] == sum(rows for rows, _ in seen[1:])
    # The last token is not read, and where the limit forces the end nobody has to be asked.
    assert len(seen) == int(rollouts.lengths_B.max()) - int(rollouts.truncated_B.any())
    assert seen[-1][0] < 24  # rollouts that had ended left the batch


def test_tokens_forced_on_all_cost_no_pass_of_their_own() -> None:
    layout, model, prompts = _layout("ta4 with scripts")
    lengths: list[int] = []
    hook = model.model.register_forward_pre_hook(
        lambda _module, _args, kwargs: lengths.append(kwargs["input_ids"].shape[1]),
        with_kwargs=True,
    )
    try:
        TorchSampler(model, layout.vocab).generate(prompts, 2, SAMPLING, layout.grammar)
    finally:
        hook.remove()
    assert lengths[1] == 1  # the script's first token
    assert 2 in lengths[2:6]  # the fourth code of a group, and the script's next token


@pytest.mark.parametrize(("name", "limit"), [("append", 12), ("ta4 with scripts", 32)])
def test_rollouts_that_the_limit_cut_are_marked_and_not_trained_on(name: str, limit: int) -> None:
    layout, model, prompts = _layout(name)
    tight = SAMPLING.model_copy(update={"max_tokens": limit})
    rollouts = TorchSampler(model, layout.vocab).generate(prompts, 4, tight, layout.grammar)
    cut_B = rollouts.truncated_B
    assert bool(cut_B.any()) and bool((~cut_B).any())  # a script of 3 has room in 32 tokens
    assert rollouts.shares()["truncated"] == pytest.approx(int(cut_B.sum()) / 12)
    assert not bool(rollouts.trained_BT[cut_B].any())
    assert bool(rollouts.trained_BT[~cut_B].any(-1).all())
    for ids in rollouts.completions():
        layout.validate(ids)  # even then nothing breaks off in the middle
        assert len(ids) <= limit


def test_forced_tokens_are_not_trained_on() -> None:
    layout, model, prompts = _layout("ta4 with scripts")
    rollouts = TorchSampler(model, layout.vocab).generate(prompts, 4, LONG, layout.grammar)
    forced = 0
    for row, ids in enumerate(rollouts.completions()):
        for at, token_id in enumerate(ids):
            if layout.vocab.class_of(token_id) in (TokenClass.TEXT, TokenClass.TURN_END):
                forced += 1
                assert bool(rollouts.forced_BT[row, at])
                assert not bool(rollouts.trained_BT[row, at])
    assert forced > 12
    assert bool(rollouts.trained_BT[~rollouts.truncated_B].any())
    assert 0 < rollouts.shares()["forced"] < 1


def test_without_a_grammar_a_rollout_without_an_end_is_truncated() -> None:
    layout, model, prompts = _layout("append")
    sampling = SAMPLING.model_copy(update={"max_tokens": 2})
    rollouts = TorchSampler(model, layout.vocab).generate(prompts, 4, sampling, None)
    ended_B = (rollouts.ids_BT == layout.vocab.end_id).any(-1)
    assert torch.equal(rollouts.truncated_B, ~ended_B)
    assert bool(rollouts.truncated_B.any())


def test_the_model_trains_on_as_it_was() -> None:
    layout, model, prompts = _layout("append")
    model.train()
    model.model.layers[0].eval()  # as a frozen part would be
    try:
        TorchSampler(model, layout.vocab).generate(prompts, 1, SAMPLING, layout.grammar)
        assert model.training and model.model.layers[1].training
        assert not model.model.layers[0].training
    finally:
        model.eval()


def test_ranks_go_through_the_model_equally_often() -> None:
    layout, model, prompts = _layout("append")
    passes: list[int] = []
    hook = model.model.register_forward_pre_hook(lambda *_: passes.append(1))
    asked: list[bool] = []

    def others_go_on(mine: bool) -> bool:
        asked.append(mine)
        return len(asked) < 100 or mine

    try:
        sampler = TorchSampler(model, layout.vocab, any_rank=others_go_on)
        rollouts = sampler.generate(prompts[:1], 2, SAMPLING, layout.grammar)
    finally:
        hook.remove()
    alone = TorchSampler(model, layout.vocab).generate(prompts[:1], 2, SAMPLING, layout.grammar)
    assert rollouts.completions() == alone.completions()
    assert len(passes) >= 40  # two questions a token; others still spoke


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": "line-1"}, "'line-1' is in the batch twice"),
        ({"ids": ()}, "'line-0' has no tokens"),
        ({"ids": (5,) * 17000}, "more than the model's 16384 positions"),
        ({"script": (5,)}, "give all or none one"),
    ],
)
def test_bad_prompts_are_refused(change: dict[str, Any], message: str) -> None:
    layout, model, prompts = _layout("append")
    prompts[0] = replace(prompts[0], **change)
    with pytest.raises(UsageError, match=message):
        TorchSampler(model, layout.vocab).generate(prompts, 2, SAMPLING, layout.grammar)


def test_no_prompts_are_refused() -> None:
    layout, model, _ = _layout("append")
    with pytest.raises(UsageError, match="0 prompts"):
        TorchSampler(model, layout.vocab).generate([], 2, SAMPLING, layout.grammar)


def test_only_rollouts_that_were_drawn_alike_are_joined() -> None:
    layout, model, prompts = _layout("append")
    sampler = TorchSampler(model, layout.vocab)
    short = SAMPLING.model_copy(update={"max_tokens": 4})
    one = sampler.generate(prompts[:1], 2, short, layout.grammar)
    other = sampler.generate(prompts[1:], 2, SAMPLING, layout.grammar)
    both = join([one, other], layout.vocab.end_id)
    assert both.completions() == [*one.completions(), *other.completions()]
    assert len(both) == 6 and both.prompt_of(2) is prompts[1]
    assert both.forward_tokens["prompt"] == sum(
        part.forward_tokens["prompt"] for part in (one, other)
    )
    warmer = SAMPLING.model_copy(update={"temperature": 2.0})
    for parts in ([], [one, sampler.generate(prompts[:1], 2, warmer, layout.grammar)]):
        with pytest.raises(ValueError, match="one group size and temperature"):
            join(parts, layout.vocab.end_id)
