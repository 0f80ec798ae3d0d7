"""One GRPO step: ``python -m benchmarks.grpo_speed``.

One prompt of 64 tokens, eight rollouts of 64, 48,448 ids (FlexiVoice's: Phi-3.5 and 16,384 codes),
a small model: sampling, a reward by rule, the reference's log-probs (beta 0.1), the loss and the
backward pass; the optimiser, the same for all, is left out. TRL 1.16 is its GRPOTrainer at the
same settings (mean of each sequence, k3, clip 0.2, no grammar), on the same weights. Rounds
alternate and the fastest of each counts; on one thread of a CPU, in CPU seconds, so that what else
runs on the machine does not. That both losses are the same for the same rollouts is a test
(tests/trainer/test_trl_parity.py); here each draws its own.

Bar: as fast as TRL.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch

from benchmarks.peers import PeerMissing
from trainer.data.rows import Row
from trainer.loop.ranks import Ranks
from trainer.loop.settings import ModelSettings
from trainer.models import Reference, load_policy, without_bars
from trainer.policy import Policy
from trainer.rewards.hub import RewardHub
from trainer.rewards.rule import RuleReward
from trainer.rewards.settings import RuleSettings
from trainer.rollouts.protocol import RolloutPrompt, Rollouts
from trainer.rollouts.sampler import TorchSampler
from trainer.rollouts.settings import SamplingSettings
from trainer.tasks.grpo import Grpo, GrpoRecipe
from trainer.tiny import write_tiny
from trainer.tokens.append import AppendLayout
from trainer.tokens.grammar import Grammar
from trainer.tokens.layout import Example
from trainer.tokens.walk import class_table
from trainer.vocab import SpeechVocab, flexivoice

BAR = 1.0
IDS = 32_064 + 16_384
CODES = IDS - 264  # the tiny tokenizer has bytes, roles and ends besides
PROMPT, COMPLETION, GROUP = 64, 64, 8  # tokens, tokens, rollouts
BETA = 0.1  # FlexiVoice A.10


def main(argv: list[str] | None = None) -> int:
    """Prints the times and their ratio; exit status 1 below the bar."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--require-peers", action="store_true")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    on_gpu = torch.cuda.is_available()
    clock = time.perf_counter if on_gpu or arguments.threads > 1 else time.process_time
    without_bars()
    with tempfile.TemporaryDirectory() as scratch:
        names = flexivoice(n_codes=CODES)
        sizes = {"hidden": arguments.hidden, "layers": arguments.layers}
        folder = write_tiny(Path(scratch, "model"), names, **sizes)
        programs: dict[str, Ours | Trl] = {"ours": Ours(folder, "cuda" if on_gpu else "cpu")}
        try:
            programs["trl"] = Trl(folder, on_gpu)
        except PeerMissing as missing:
            print(f"trl: left out, {missing}")
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(arguments.rounds):
            for name, program in programs.items():
                started = clock()
                tokens = program.step()
                seconds[name].append(clock() - started)
                if tokens != GROUP * COMPLETION:
                    print(f"{name}: {tokens} tokens drawn instead of {GROUP * COMPLETION}")
    device = torch.cuda.get_device_name() if on_gpu else "CPU"
    print(f"device: {device}, {torch.get_num_threads()} threads")
    print(f"{GROUP} rollouts of {COMPLETION} tokens after {PROMPT}, {IDS} ids")
    for name, times in seconds.items():
        print(f"{name}: {min(times):.3f} s a step")
    if "trl" not in programs:
        return int(arguments.require_peers)
    ratio = min(seconds["trl"]) / min(seconds["ours"])
    print(f"trl / ours: {ratio:.2f}, the bar is {BAR}")
    return int(ratio < BAR)


class Whole:
    """The sampler without a grammar; what is cut at the limit is trained on, as TRL does."""

    def __init__(self, sampler: TorchSampler) -> None:
        self._sampler = sampler
        self.tokens = 0

    def refresh(self) -> None:
        """The weights are the policy's own."""

    def generate(
        self,
        prompts: Sequence[RolloutPrompt],
        group_size: int,
        sampling: SamplingSettings,
        grammar: Grammar | None,
    ) -> Rollouts:
        """Rollouts of any ids."""
        found = self._sampler.generate(prompts, group_size, sampling, None)
        self.tokens = int(found.completion_BT.sum())
        return replace(found, truncated_B=torch.zeros_like(found.truncated_B))


class Ours:
    """This trainer's task, as its GRPO command puts it together."""

    def __init__(self, folder: Path, device: str) -> None:

        settings = ModelSettings(path=str(folder), gradient_checkpointing=False)
        model, tokenizer = load_policy(settings)
        vocab = SpeechVocab.from_tokenizer(tokenizer, flexivoice(n_codes=CODES))
        self._policy = Policy(model).to(device)
        ranks = Ranks(0, 1, torch.device(device))
        self._engine = Whole(TorchSampler(self._policy.model, vocab))
        recipe = GrpoRecipe(
            group_size=GROUP,
            beta=BETA,
            clip=0.2,
            kl="k3",
            form="paper",
            weights={},
            sampling=SamplingSettings(max_tokens=COMPLETION, temperature=1.0, seed=0),
            max_tokens=GROUP * (PROMPT + COMPLETION),
        )
        self._task = Grpo(
            ranks,
            Reference(self._policy, ranks.device),
            self._engine,
            RewardHub([RuleReward(RuleSettings(rule="codes", first=0, last=CODES // 2))]),
            AppendLayout(vocab, tokenizer),
            recipe,
            asks=lambda row: frozenset({"rule"}),
            classes_V=class_table(vocab, vocab.size, ranks.device),
        )
        ids = tuple(range(97, 97 + 26)) * 3
        example = Example(ids[:PROMPT], (1, 2), (True, True))
        self._row = Row("a", "a", "bench", example, "a", (1, 2), "S", "en", None)
        self._steps = 0

    def step(self) -> int:
        """One step; how many tokens were drawn."""
        self._policy.zero_grad()
        self._steps += 1
        parts, _ = self._task.microbatches([self._row], self._policy, self._steps)
        for part in parts:
            self._task.loss(self._policy, part).total.backward()
        return self._engine.tokens


class Trl:
    """TRL's GRPOTrainer: its own generation, scoring and loss, called one after the other."""

    def __init__(self, folder: Path, on_gpu: bool) -> None:
        try:
            from datasets import Dataset, disable_progress_bars
            from transformers import AutoTokenizer
            from trl.trainer.grpo_config import GRPOConfig
            from trl.trainer.grpo_trainer import GRPOTrainer
        except ImportError as error:
            raise PeerMissing(f"not installed: pip install trl datasets ({error})") from error
        disable_progress_bars()
        prompt = "abcdefghijklmnopqrstuvwxyz" * 3
        self._inputs = [{"prompt": prompt[:PROMPT]}] * GROUP  # a token a byte
        reward: Any = _half  # TRL's type for it has None among the rewards
        self._trainer: Any = GRPOTrainer(
            model=str(folder),
            reward_funcs=reward,
            args=GRPOConfig(
                output_dir=tempfile.mkdtemp(),
                beta=BETA,
                epsilon=0.2,
                loss_type="grpo",
                use_bias_correction_kl=False,
                temperature=1.0,
                num_generations=GROUP,
                per_device_train_batch_size=GROUP,
                max_completion_length=COMPLETION,
                generation_kwargs={"min_new_tokens": COMPLETION},
                bf16=False,
                use_cpu=not on_gpu,
                report_to="none",
                gradient_checkpointing=False,
            ),
            processing_class=AutoTokenizer.from_pretrained(folder),
            train_dataset=Dataset.from_list(self._inputs),
        )
        model: Any = self._trainer.model
        model.train()
        self._trainer.current_gradient_accumulation_steps = 1  # its train loop sets it

    def step(self) -> int:
        """One step; how many tokens were drawn."""
        self._trainer.model.zero_grad()
        inputs = self._trainer._generate_and_score_completions(self._inputs)
        self._trainer._compute_loss(self._trainer.model, inputs).backward()
        return int(inputs["completion_mask"].sum())


def _half(completion_ids: list[list[int]], **_: object) -> list[float]:
    """The share of ids in the lower half, a rule as cheap as ours."""
    return [sum(one < IDS // 2 for one in ids) / max(len(ids), 1) for ids in completion_ids]


if __name__ == "__main__":
    sys.exit(main())
