"""SFT and DPO through the real loop, against sums written out here."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import log_softmax, logsigmoid

from tests.trainer.tasks.running import ONE, run
from trainer.batch import pad
from trainer.loop.ranks import Ranks
from trainer.loop.settings import LoraSettings
from trainer.models import Reference, with_lora
from trainer.policy import Policy
from trainer.tasks.dpo import Dpo, Pair
from trainer.tasks.sft import Sft
from trainer.tiny import tiny_model
from trainer.tokens.layout import Example

VOCAB = 40


def example(seed: int, prompt: tuple[int, ...] = (1, 2)) -> Example:
    drawn = torch.Generator().manual_seed(seed)
    target = tuple(torch.randint(3, VOCAB, (3 + seed % 3,), generator=drawn).tolist())
    return Example(prompt, target, (True,) * len(target))


def naive_sums(model: nn.Module, rows: list[Example]) -> torch.Tensor:
    sums = []
    for row in rows:
        ids = torch.tensor([[*row.prompt_ids, *row.target_ids]])
        logprobs = log_softmax(model(input_ids=ids).logits.float(), -1)[0]
        places = range(len(row.prompt_ids), ids.shape[1])
        sums.append(sum(logprobs[at - 1, ids[0, at]] for at in places))
    return torch.stack(sums)  # type: ignore[arg-type]


@pytest.mark.parametrize("max_tokens", [10_000, 12])
def test_sft_is_the_mean_over_all_target_tokens(tmp_path: Path, max_tokens: int) -> None:
    rows = [example(seed) for seed in range(5)]
    model = tiny_model(VOCAB, hidden=32)
    tokens = sum(len(row.target_ids) for row in rows)
    wanted = -float(naive_sums(model, rows).sum()) / tokens
    log = run(tmp_path, Policy(model), Sft(ONE, max_tokens), rows, 1)
    assert log[0]["loss"] == pytest.approx(wanted, abs=1e-5)
    assert log[0]["tokens"] == sum(map(len, rows))


def test_sft_learns_its_rows_by_heart(tmp_path: Path) -> None:
    # Prompts that differ: the same prompt with two answers could not be learnt.
    rows = [example(seed, prompt=(1, 3 + seed)) for seed in range(8)]
    log = run(tmp_path, Policy(tiny_model(VOCAB, hidden=32)), Sft(ONE, 10_000), rows, 120)
    assert log[0]["loss"] > 3.0
    assert log[-1]["loss"] < 0.02


@pytest.mark.parametrize(("lora", "below"), [(False, 0.1), (True, 0.3)])
def test_dpo_is_the_papers_equation_and_prefers_what_is_chosen(
    tmp_path: Path, lora: bool, below: float
) -> None:
    pairs = [Pair(example(seed), example(seed + 100)) for seed in range(4)]
    model: nn.Module = tiny_model(VOCAB, hidden=32)
    reference_model = copy.deepcopy(model)
    if lora:
        model = with_lora(model, LoraSettings(rank=4, alpha=8))
    policy = Policy(model)
    task = Dpo(ONE, Reference(policy, ONE.device), beta=0.5, max_tokens=40)
    log = run(tmp_path, policy, task, list(pairs), 80)
    assert log[0]["loss"] == pytest.approx(0.693147, abs=1e-5)
    assert log[-1]["loss"] < below and log[-1]["accuracy"] == 1.0
    model.eval()
    rows = ([pair.chosen for pair in pairs], [pair.rejected for pair in pairs])
    with torch.no_grad():
        chosen, rejected = (
            naive_sums(model, one) - naive_sums(reference_model, one) for one in rows
        )
        wanted = -logsigmoid(0.5 * (chosen - rejected)).mean()
        parts, _ = task.microbatches(pairs, policy, 0)
        found = sum(float(task.loss(policy, part).total) for part in parts) / len(pairs)
    assert found == pytest.approx(float(wanted), abs=1e-5)


def test_more_ranks_than_rows_still_take_part() -> None:
    third = Ranks(2, 3, torch.device("cpu"))
    (part,), _ = Sft(third, 100).microbatches([example(0), example(1)], nn.Identity(), 0)
    assert Sft(third, 100).weight(part) == 0
    policy = Policy(tiny_model(VOCAB, hidden=32))
    task = Dpo(third, Reference(policy, third.device), 0.1, 100)
    (pairs,), _ = task.microbatches([Pair(example(0), example(1))], policy, 0)
    assert task.weight(pairs) == 0 and float(task.loss(policy, pairs).total) == 0


def test_padding_changes_nothing() -> None:
    policy = Policy(tiny_model(VOCAB, hidden=32))
    rows = [example(seed) for seed in range(3)]
    together, _ = policy(pad(rows))
    for row, logprobs in zip(rows, together, strict=True):
        alone, _ = policy(pad([row]))
        torch.testing.assert_close(logprobs[: len(row)], alone[0], atol=1e-6, rtol=0)
