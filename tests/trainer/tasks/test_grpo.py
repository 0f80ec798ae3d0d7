"""GRPO through the real loop, sampler and rewards; its loss against one written out here."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from tests.trainer.rollouts import speakers
from tests.trainer.tasks.running import ONE, run
from trainer.data.rows import Row
from trainer.models import Reference
from trainer.policy import Policy
from trainer.rewards.hub import RewardHub
from trainer.rewards.rule import RuleReward
from trainer.rewards.settings import RuleSettings
from trainer.rollouts.sampler import TorchSampler
from trainer.rollouts.settings import SamplingSettings
from trainer.tasks.grpo import Grpo, GrpoRecipe, Sequences
from trainer.tiny import tiny_model, tiny_tokenizer
from trainer.tokens.append import AppendLayout
from trainer.tokens.layout import Example, Turn
from trainer.tokens.ta4 import Ta4Layout
from trainer.tokens.walk import class_table
from trainer.vocab import SpeechVocab, flexivoice

CODES = 16
GROUP = 8
RULE = RuleSettings(rule="codes", first=0, last=3)  # a quarter of the codes
SAME_FOR_ALL = RuleSettings(rule="codes", first=0, last=CODES - 1)


def append(hidden: int = 32) -> tuple[AppendLayout, LlamaForCausalLM]:
    tokenizer = tiny_tokenizer(names := flexivoice(n_codes=CODES))
    layout = AppendLayout(SpeechVocab.from_tokenizer(tokenizer, names), cast(Any, tokenizer))
    return layout, tiny_model(layout.vocab.size, hidden=hidden)


def row(number: int, prompt: Sequence[int], codes: tuple[int, ...] = (1, 2)) -> Row:
    return Row(
        id=f"line-{number}",
        cut_id=f"line-{number}",
        source="test",
        example=Example(tuple(prompt), codes, (True,) * len(codes)),
        text="no",
        codes=codes,
        speaker="S",
        language="en",
        instruction=None,
    )


def rows(layout: AppendLayout, number: int) -> list[Row]:
    return [row(n, layout.prompt(f"Line {n}.", "Say it")) for n in range(number)]


def task_of(
    policy: Policy,
    layout: AppendLayout | Ta4Layout,
    rule: RuleSettings = RULE,
    *,
    beta: float = 0.0,
    max_tokens: int = 48,
    temperature: float = 1.0,
    script: Callable[[Row], tuple[int, ...] | None] = lambda row: None,
    microbatch: int = 100_000,
) -> Grpo:
    vocab = layout.vocab
    return Grpo(
        ONE,
        Reference(policy, ONE.device) if beta else None,
        TorchSampler(policy.model, vocab),
        RewardHub([RuleReward(rule)]),
        layout,
        GrpoRecipe(
            group_size=GROUP,
            beta=beta,
            clip=0.2,
            kl="k3",
            form="paper",
            weights={},
            sampling=SamplingSettings(max_tokens=max_tokens, temperature=temperature, seed=3),
            max_tokens=microbatch,
        ),
        asks=lambda row: frozenset({"rule"}),
        classes_V=class_table(vocab, vocab.size),
        script=script,
    )


def test_a_reward_that_is_asked_for_rises(tmp_path: Path) -> None:
    layout, model = append()
    policy = Policy(model)
    task = task_of(policy, layout, beta=0.01)
    log = run(tmp_path, policy, task, rows(layout, 4), steps=30, learning_rate=0.01)
    assert 0.15 < log[0]["reward"] < 0.35  # a quarter of the codes, all equally likely
    assert sum(entry["reward"] for entry in log[-5:]) / 5 > 0.7
    assert log[-1]["kl"] > log[1]["kl"] > 0
    assert all(entry["sampler_gap"] < 1e-5 for entry in log)


def test_the_log_says_what_the_batch_was_like(tmp_path: Path) -> None:
    layout, model = append()
    policy = Policy(model)
    (entry,) = run(tmp_path, policy, task_of(policy, layout, beta=0.1), rows(layout, 2), steps=1)
    assert entry["reward"] == entry["reward_rule"]
    assert entry["kl"] == 0 and entry["clip_share"] == 0
    assert entry["dead_groups"] == 0
    assert 0 < entry["truncated_share"] < 1 and 0 <= entry["forced_share"] < 0.1
    assert 2.5 < entry["entropy"] <= 2.84  # log of 17: 16 codes and the end
    assert entry["tokens"] > 2 * GROUP * entry["length"]


@pytest.mark.parametrize("temperature", [0.7, 1.3])
def test_training_sees_the_probabilities_that_were_sampled_from(
    tmp_path: Path, temperature: float
) -> None:
    layout, model = append()
    policy = Policy(speakers.sharp(model))
    task = task_of(policy, layout, temperature=temperature)
    (entry,) = run(tmp_path, policy, task, rows(layout, 3), steps=1)
    assert 0 < entry["sampler_gap"] < 1e-5


def test_so_it_does_where_a_script_forces_the_text(tmp_path: Path) -> None:
    layout, tokenizer, model = speakers.ta4()
    policy = Policy(copy.deepcopy(model))
    ids = tuple(layout.vocab.to_text(tokenizer, "no", "text"))
    prompts = [row(n, layout.prompt([Turn("human", f"Line {n}.")])) for n in range(2)]
    task = task_of(policy, layout, max_tokens=60, temperature=0.8, script=lambda row: ids)
    (entry,) = run(tmp_path, policy, task, prompts, steps=1)
    assert entry["forced_share"] > 0.05
    assert 0 < entry["sampler_gap"] < 1e-5


def naive_loss(
    model: nn.Module, reference: nn.Module, part: Sequences, temperature: float, beta: float
) -> Tensor:
    """Eq. 5 of MCLP at a ratio of 1, one rollout and one token after the other; not divided."""
    batch, support = part.batch, part.support
    total = torch.zeros(())
    for number, ids in enumerate(batch.ids_BT):
        places = batch.target_BT[number].nonzero()[:, 0].tolist()
        terms = []
        for at in places:
            allowed = (support.classes_V & support.sets_BT[number, at]) != 0
            found = []
            for one in (model, reference):
                logits = one(input_ids=ids[None, :at]).logits[0, -1].float() / temperature
                logits = logits.masked_fill(~allowed, float("-inf"))
                found.append(logits.log_softmax(-1)[ids[at]])
            logprob, ref = found[0], found[1].detach()
            ratio = torch.exp(logprob - logprob.detach())
            k3 = torch.exp(ref - logprob) - (ref - logprob) - 1
            terms.append(-ratio * part.advantages_B[number] + beta * k3)
        if terms:
            total = total + torch.stack(terms).mean()
    return total


def gradient(model: nn.Module) -> Tensor:
    weight = model.get_parameter("model.layers.0.mlp.up_proj.weight")
    assert weight.grad is not None
    found = weight.grad.clone()
    model.zero_grad()
    return found


@pytest.mark.parametrize("microbatch", [100_000, 150])
def test_the_loss_and_its_gradient_are_the_papers(microbatch: int) -> None:
    layout, model = append()
    policy = Policy(speakers.sharp(model))
    reference_model = copy.deepcopy(model)
    task = task_of(policy, layout, beta=0.5, temperature=0.9, max_tokens=12, microbatch=microbatch)
    with torch.no_grad():  # the policy moved away from its reference
        for weight in model.parameters():
            weight.add_(
                0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
            )
    parts, facts = task.microbatches(rows(layout, 2), policy, 0)
    assert (len(parts) > 1) == (microbatch == 150)
    assert facts["truncated_share"] > 0  # some of them have nothing to train on
    assert sum(map(task.weight, parts)) == 2 * GROUP
    losses = [task.loss(policy, part) for part in parts]
    total = torch.stack([loss.total for loss in losses]).sum()
    total.backward()
    found = gradient(model)
    wanted = torch.stack(
        [naive_loss(model, reference_model, part, 0.9, 0.5) for part in parts]
    ).sum()
    wanted.backward()
    assert float(total.detach()) == pytest.approx(float(wanted.detach()), abs=1e-5)
    torch.testing.assert_close(found, gradient(model), atol=1e-5, rtol=1e-4)
    assert sum(loss.facts["kl"] for loss in losses) > 0


@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_a_group_of_equals_teaches_nothing(tmp_path: Path, beta: float) -> None:
    layout, model = append()
    before = copy.deepcopy(model.state_dict())
    policy = Policy(model)
    task = task_of(policy, layout, SAME_FOR_ALL, beta=beta)
    (entry,) = run(tmp_path, policy, task, rows(layout, 2), steps=1)
    assert entry["dead_groups"] == 1 and entry["reward"] == 1
    assert entry["loss"] == 0 and entry["grad_norm"] == 0
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name]), name


def test_the_tie_to_the_reference_pulls_back_where_nothing_is_learnt(tmp_path: Path) -> None:
    layout, model = append()
    policy = Policy(model)
    task = task_of(policy, layout, SAME_FOR_ALL, beta=0.1)
    with torch.no_grad():
        model.lm_head.weight.add_(
            0.1
            * torch.randn(model.lm_head.weight.shape, generator=torch.Generator().manual_seed(1))
        )
    log = run(tmp_path, policy, task, rows(layout, 4), steps=12, learning_rate=0.003)
    assert log[0]["kl"] > 0.01 and log[-1]["kl"] < log[0]["kl"] / 2


def test_what_the_limit_cut_off_is_not_trained_on() -> None:
    layout, model = append()
    policy = Policy(model)
    task = task_of(policy, layout, max_tokens=12)
    (part,), facts = task.microbatches(rows(layout, 2), policy, 0)
    trained_B = part.batch.target_BT.any(-1)
    assert 0 < facts["truncated_share"] < 1
    assert float((~trained_B).float().mean()) == facts["truncated_share"]
    assert task.weight(part) == 2 * GROUP  # and still counts in the mean, as eq. 5 has it


def test_a_batch_of_nothing_but_those_changes_nothing(tmp_path: Path) -> None:
    layout, model = append()
    before = copy.deepcopy(model.state_dict())
    policy = Policy(model)
    task = task_of(policy, layout, max_tokens=2)  # a code, and the end that the limit asks for
    (entry,) = run(tmp_path, policy, task, rows(layout, 1), steps=1)
    assert entry["truncated_share"] == 1 and entry["loss"] == 0
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name]), name
