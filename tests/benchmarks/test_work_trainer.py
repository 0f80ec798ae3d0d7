"""The work of the trainer, counted; see ``counting`` for how to change a bound."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from tests.benchmarks.counting import hold
from tests.trainer.coded import utterances
from tests.trainer.data.test_stream import stream
from tests.trainer.layouts import CODES, ta4
from tests.trainer.tasks import test_grpo
from trainer.data.cuts import CodedFolder, Shard
from trainer.head import Head
from trainer.logprobs import token_logprobs
from trainer.mclp import MclpScorer, Pair
from trainer.policy import Policy
from trainer.tiny import tiny_model

IDS, WIDTH, TARGETS = 20_000, 32, 2_000


class Largest(TorchDispatchMode):
    """The most elements that one operation gave."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.elements = 0

    def __torch_dispatch__(
        self,
        operation: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        arguments: Any = (),  # noqa: ANN401
        named: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        found = operation(*arguments, **(named or {}))
        for one in found if isinstance(found, tuple | list) else [found]:
            if isinstance(one, Tensor):
                self.elements = max(self.elements, one.numel())
        return found


def log_probs() -> None:
    """Forward and backward."""
    torch.manual_seed(0)
    hidden_ND = torch.randn(TARGETS, WIDTH, requires_grad=True)
    weight_VD = torch.randn(IDS, WIDTH, requires_grad=True)
    ids_N = torch.randint(0, IDS, (TARGETS,))
    token_logprobs(hidden_ND, Head(weight_VD), ids_N)[0].mean().backward()


def test_the_largest_tensor_of_log_probs() -> None:
    with Largest() as largest:
        log_probs()
    hold("elements, in logits of one target", largest.elements / IDS, 465)  # not 2,000


def test_log_probs_project_twice_and_no_more() -> None:
    with FlopCounterMode(display=False) as flops:
        log_probs()
    once = 2 * TARGETS * WIDTH * IDS
    # Forward; again in the backward pass; the gradients of hidden states and weight.
    hold("projections", flops.get_total_flops() / once, 4.4)


def test_what_mclp_sends_through_the_head() -> None:
    """The ground truth's codes, and neither its context nor equal pairs again."""
    chance = random.Random(0)

    def speech() -> tuple[int, ...]:
        return tuple(chance.randrange(CODES) for _ in range(100))

    truth = speech()
    pairs = [Pair("你来了", speech(), truth) for _ in range(4)]
    scorer = MclpScorer(tiny_model(IDS, hidden=WIDTH, layers=1), ta4())
    counted = sum(len(scorer.row(pair).counted) for pair in pairs)
    with FlopCounterMode(display=False) as flops:
        scorer.score([*pairs, *pairs])
    hold("tokens through the head", flops.get_total_flops() / (2 * WIDTH * IDS) / counted, 1.15)


def test_the_operations_of_a_grpo_step() -> None:
    layout, model = test_grpo.append()
    policy = Policy(model)
    task = test_grpo.task_of(policy, layout, beta=0.1, max_tokens=24)
    rows = test_grpo.rows(layout, 2)
    with FlopCounterMode(display=False) as sampled:
        parts, _ = task.microbatches(rows, policy, 1)
    with FlopCounterMode(display=False) as trained:
        for part in parts:
            task.loss(policy, part).total.backward()
    tokens = sum(int(part.batch.target_BT.sum()) for part in parts)
    weights = sum(weight.numel() for weight in model.parameters())
    hold("sampling, in weights a token", sampled.get_total_flops() / tokens / weights, 8.8)
    hold("training, in weights a token", trained.get_total_flops() / tokens / weights, 18)


def test_what_is_read_again_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = utterances(tmp_path, 400, shard_size=10)
    source = {"folder": str(folder)}

    def begin() -> Any:  # noqa: ANN401
        return stream(source, rows_per_batch=4, window_shards=2)

    unbroken = begin()
    batches = iter(unbroken)
    for _ in range(50):  # 200 rows: the beginning of a window
        next(batches)
    next(batches)
    state, expected = json.dumps(unbroken.state_dict()), next(batches)

    read: list[int] = []
    whole = CodedFolder.read

    def counting(self: CodedFolder, number: int) -> Shard:
        shard = whole(self, number)
        read.append(len(shard.turns))
        return shard

    monkeypatch.setattr(CodedFolder, "read", counting)
    resumed = begin()
    resumed.load_state_dict(json.loads(state))
    assert [row.id for row in next(iter(resumed))] == [row.id for row in expected]
    hold("rows read, of a window's", sum(read) / 20, 1.1)  # 200 were before it
