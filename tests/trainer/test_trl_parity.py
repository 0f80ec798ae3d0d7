"""The losses are those of TRL 1.16 on the same model and batch, with the same gradients."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch
from datasets import Dataset
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import entropy_from_logits, selective_log_softmax

from trainer.head import hidden_states, output_head
from trainer.logprobs import LogProbs, selected_logprobs
from trainer.losses import dpo_loss, grpo_loss, sequence_sums
from trainer.tiny import write_tiny
from trainer.vocab import flexivoice

PROMPTS, ANSWERS = (3, 7, 5, 4), (9, 4, 12, 1)  # tokens
BETA = 0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny"), flexivoice(n_codes=32))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("reference"), flexivoice(n_codes=32), seed=1)


def load(path: Path) -> Any:  # noqa: ANN401
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)


class Batch:
    """Random prompts and answers; right-padded, and split as TRL's GRPO wants them."""

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)

        def random_ids(count: int) -> Tensor:
            return torch.randint(0, 290, (count,), generator=generator)

        self.prompts = [random_ids(count) for count in PROMPTS]
        self.answers = [random_ids(count) for count in ANSWERS]
        rows, longest = len(PROMPTS), max(map(sum, zip(PROMPTS, ANSWERS, strict=True)))
        self.ids_BT = torch.full((rows, longest), 257)  # the padding token
        self.mask_BT = torch.zeros(rows, longest, dtype=torch.bool)
        self.attention_BT = torch.zeros(rows, longest, dtype=torch.long)
        self.prompt_ids = torch.full((rows, max(PROMPTS)), 257)
        self.completion_ids = torch.full((rows, max(ANSWERS)), 257)
        self.prompt_mask = torch.zeros_like(self.prompt_ids)
        self.completion_mask = torch.zeros_like(self.completion_ids)
        for row, (prompt, answer) in enumerate(zip(self.prompts, self.answers, strict=True)):
            both = torch.cat([prompt, answer])
            self.ids_BT[row, : len(both)] = both
            self.attention_BT[row, : len(both)] = 1
            self.mask_BT[row, len(prompt) : len(both)] = True
            self.prompt_ids[row, -len(prompt) :] = prompt
            self.prompt_mask[row, -len(prompt) :] = 1
            self.completion_ids[row, : len(answer)] = answer
            self.completion_mask[row, : len(answer)] = 1

    def logprobs(self, model: Any, **options: Any) -> LogProbs:  # noqa: ANN401
        hidden_BTD = hidden_states(model, self.ids_BT, self.attention_BT)
        return selected_logprobs(
            hidden_BTD, output_head(model), self.ids_BT, self.mask_BT, **options
        )

    def as_completions(self, values_BT: Tensor) -> Tensor:
        """The values of the answers alone, as TRL's GRPO has them."""
        found = values_BT.new_zeros(self.completion_ids.shape)
        for row, (prompt, answer) in enumerate(zip(PROMPTS, ANSWERS, strict=True)):
            found[row, :answer] = values_BT[row, prompt : prompt + answer]
        return found


def grads(model: Any) -> dict[str, Tensor]:  # noqa: ANN401
    return {name: one.grad.clone() for name, one in model.named_parameters()}


def assert_same_grads(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[name], rtol=0, atol=1e-5, msg=name)
    assert max(float(one.abs().max()) for one in ours.values()) > 1e-3  # not all zeros


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probs_and_entropies(folder: Path, temperature: float) -> None:
    model, batch = load(folder), Batch(0)
    logits_BTV = model(batch.ids_BT, attention_mask=batch.attention_BT).logits / temperature
    theirs = selective_log_softmax(logits_BTV[:, :-1], batch.ids_BT[:, 1:])
    entropies = entropy_from_logits(logits_BTV[:, :-1])
    ours = batch.logprobs(model, temperature=temperature, with_entropy=True)
    keep = batch.mask_BT[:, 1:]
    assert ours.entropy_BT is not None
    torch.testing.assert_close(ours.logprobs_BT[:, 1:][keep], theirs[keep], rtol=0, atol=1e-5)
    torch.testing.assert_close(ours.entropy_BT[:, 1:][keep], entropies[keep], rtol=0, atol=1e-5)


def test_dpo(folder: Path, reference: Path, tmp_path: Path) -> None:
    trainer: Any = DPOTrainer(
        model=load(folder),
        ref_model=load(reference),
        args=DPOConfig(
            output_dir=str(tmp_path), beta=BETA, bf16=False, use_cpu=True, report_to="none"
        ),
        processing_class=AutoTokenizer.from_pretrained(folder),
        train_dataset=Dataset.from_list([{"prompt": "a", "chosen": "b", "rejected": "c"}]),
    )
    batch = Batch(1)  # two chosen answers, then two rejected
    inputs = {
        "input_ids": batch.ids_BT,
        "attention_mask": batch.attention_BT,
        "completion_mask": batch.mask_BT.long(),
    }
    trainer.model.eval()
    theirs = trainer._compute_loss(trainer.model, inputs, return_outputs=False)
    theirs.backward()

    model = load(folder)
    sums_B = sequence_sums(batch.logprobs(model).logprobs_BT, batch.mask_BT)
    with torch.no_grad():
        ref_sums_B = sequence_sums(batch.logprobs(load(reference)).logprobs_BT, batch.mask_BT)
    ours = dpo_loss(sums_B, ref_sums_B, BETA)
    ours.loss.backward()
    torch.testing.assert_close(ours.loss, theirs, rtol=0, atol=1e-5)
    assert_same_grads(grads(model), grads(trainer.model))
    logged = trainer._metrics["eval"]
    assert float(ours.margin) == pytest.approx(logged["rewards/margins"][0], abs=1e-5)
    assert float(ours.accuracy) == logged["rewards/accuracies"][0]


def no_reward(completions: list[str], **_: object) -> list[float | None]:
    """GRPOTrainer wants one; the advantages here are given."""
    return [0.0] * len(completions)


@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_grpo(folder: Path, reference: Path, tmp_path: Path, beta: float) -> None:
    trainer: Any = GRPOTrainer(
        model=str(folder),
        reward_funcs=no_reward,
        args=GRPOConfig(
            output_dir=str(tmp_path),
            beta=beta,
            epsilon=0.2,
            loss_type="grpo",  # the mean of each sequence; TRL's default is another
            use_bias_correction_kl=False,  # TRL's default is the ratio times eq. 5's KL
            temperature=1.0,
            num_generations=4,
            per_device_train_batch_size=4,
            bf16=False,
            use_cpu=True,
            report_to="none",
        ),
        processing_class=AutoTokenizer.from_pretrained(folder),
        train_dataset=Dataset.from_list([{"prompt": "a"}]),
    )
    batch, model = Batch(2), load(folder)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        now_BT, ref_BT = (
            batch.logprobs(model).logprobs_BT,
            batch.logprobs(load(reference)).logprobs_BT,
        )
    old_BT = now_BT + 0.4 * torch.randn(now_BT.shape, generator=generator)  # some are clipped
    advantages_B = torch.tensor([1.3, -0.4, 0.0, -0.9])
    inputs = {
        "prompt_ids": batch.prompt_ids,
        "prompt_mask": batch.prompt_mask,
        "completion_ids": batch.completion_ids,
        "completion_mask": batch.completion_mask,
        "advantages": advantages_B,
        "old_per_token_logps": batch.as_completions(old_BT),
        "ref_per_token_logps": batch.as_completions(ref_BT),
    }
    trainer.model.eval()
    theirs = trainer._compute_loss(trainer.model, inputs)
    theirs.backward()

    ours = grpo_loss(
        batch.logprobs(model).logprobs_BT, old_BT, ref_BT, advantages_B, batch.mask_BT, beta=beta
    )
    ours.loss.backward()
    torch.testing.assert_close(ours.loss, theirs, rtol=0, atol=1e-5)
    assert_same_grads(grads(model), grads(trainer.model))
    logged = trainer._metrics["eval"]
    clipped = logged["clip_ratio/region_mean"][0]
    assert 0 < clipped < 1
    assert float(ours.clip_share) == pytest.approx(clipped, abs=1e-6)
    if beta:
        assert float(ours.kl) == pytest.approx(logged["kl"][0], abs=1e-5)
