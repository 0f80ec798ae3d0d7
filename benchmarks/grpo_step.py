"""This trainer's GRPO step as its command puts it together, for `benchmarks.grpo_speed`.

Shapes: B sequences, T tokens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.turns import Round
from trainer.data.rows import Row
from trainer.loop.ranks import Ranks
from trainer.loop.settings import ModelSettings
from trainer.models import Reference, load_policy
from trainer.policy import Policy
from trainer.rewards.hub import RewardHub
from trainer.rewards.rule import RuleReward
from trainer.rewards.settings import RuleSettings
from trainer.rollouts.protocol import RolloutEngine, RolloutPrompt, Rollouts
from trainer.rollouts.sampler import TorchSampler
from trainer.rollouts.settings import SamplingSettings
from trainer.tasks.grpo import Grpo, GrpoRecipe
from trainer.tokens.append import AppendLayout
from trainer.tokens.grammar import Grammar
from trainer.tokens.layout import Example
from trainer.tokens.walk import class_table
from trainer.vocab import ANY_CLASS, SpeechVocab, flexivoice


@dataclass(frozen=True)
class GrpoSetting:
    """What both sides are told.

    Attributes:
        threads: of the CPU.
        group: rollouts of the one prompt.
        prompt: text of the tiny tokenizer, a token a character.
        codes: of the codebook.
        last: codes up to this one are rewarded.
        beta: of the KL term.
        clip: of the ratio.
    """

    threads: int
    group: int
    prompt: str
    codes: int
    last: int
    beta: float
    clip: float


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


class Given:
    """Rollouts that another program has drawn."""

    def __init__(self, completions: list[list[int]]) -> None:
        """Takes them; of equal length."""
        self._ids_BT = torch.tensor(completions)

    def refresh(self) -> None:
        """Nothing is drawn here."""

    def generate(
        self,
        prompts: Sequence[RolloutPrompt],
        group_size: int,
        sampling: SamplingSettings,
        grammar: Grammar | None,
    ) -> Rollouts:
        """What was given."""
        nothing_BT = torch.zeros_like(self._ids_BT)
        return Rollouts(
            prompts=tuple(prompts),
            group_size=group_size,
            ids_BT=self._ids_BT,
            completion_BT=~nothing_BT.bool(),
            forced_BT=nothing_BT.bool(),
            support_BT=torch.full_like(nothing_BT, int(ANY_CLASS), dtype=torch.uint8),
            logprobs_BT=nothing_BT.float(),
            entropy_BT=nothing_BT.float(),
            truncated_B=torch.zeros(len(self._ids_BT), dtype=torch.bool),
            temperature=sampling.temperature,
        )


class Ours:
    """The task with its sampler and its reward; a `turns.Program` over tokens of a completion."""

    def __init__(self, folder: Path, setting: GrpoSetting, sizes: Sequence[int]) -> None:
        """Loads ``policy`` and ``reference`` from the folder."""
        model, tokenizer = load_policy(ModelSettings(path=str(folder / "policy")))
        other, _ = load_policy(ModelSettings(path=str(folder / "reference")))
        vocab = SpeechVocab.from_tokenizer(tokenizer, flexivoice(n_codes=setting.codes))
        self._policy, self._setting = Policy(model), setting
        self._reference = Reference(Policy(other), torch.device("cpu"))
        self._engine = Whole(TorchSampler(model, vocab))
        self._layout = AppendLayout(vocab, tokenizer)
        self._classes_V = class_table(vocab, vocab.size, torch.device("cpu"))
        self._tasks = {size: self._task(size, self._engine) for size in sizes}
        prompt = tuple(tokenizer(setting.prompt)["input_ids"])
        example = Example(prompt, (1, 2), (True, True))
        self._row = Row("a", "a", "bench", example, "a", (1, 2), "S", "en", None)
        self._clock = time.process_time if setting.threads == 1 else time.perf_counter
        self._steps = 0

    def _task(self, tokens: int, engine: RolloutEngine) -> Grpo:
        setting = self._setting
        recipe = GrpoRecipe(
            group_size=setting.group,
            beta=setting.beta,
            clip=setting.clip,
            kl="k3",
            form="paper",
            weights={},
            sampling=SamplingSettings(max_tokens=tokens, temperature=1.0, seed=0),
            max_tokens=setting.group * (len(setting.prompt) + tokens),  # in one go, as TRL has it
        )
        return Grpo(
            Ranks(0, 1, torch.device("cpu")),
            self._reference,
            engine,
            RewardHub([RuleReward(RuleSettings(rule="codes", first=0, last=setting.last))]),
            self._layout,
            recipe,
            asks=lambda row: frozenset({"rule"}),
            classes_V=self._classes_V,
        )

    def __call__(self, size: int) -> Round:
        """One step; what it found is the tokens drawn."""
        self._policy.zero_grad()
        self._steps += 1
        started = self._clock()
        task = self._tasks[size]
        parts, _ = task.microbatches([self._row], self._policy, self._steps)
        for part in parts:
            task.loss(self._policy, part).total.backward()
        return Round(self._clock() - started, (float(self._engine.tokens),))

    def learn(self, completions: list[list[int]], advantages: list[float]) -> tuple[float, float]:
        """Loss and gradient norm for what another program has drawn and judged."""
        self._policy.zero_grad()
        task = self._task(len(completions[0]), Given(completions))
        (part,), _ = task.microbatches([self._row], self._policy, 0)
        part = replace(part, advantages_B=torch.tensor(advantages))
        loss = task.loss(self._policy, part).total / len(completions)
        loss.backward()
        gradients = [one.grad for one in self._policy.parameters() if one.grad is not None]
        return float(loss.detach()), float(torch.nn.utils.get_total_norm(gradients))
