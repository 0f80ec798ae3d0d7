"""Rewards: groups of rollouts, advantages within each, the clipped objective with its KL term.

FlexiVoice 3.2.2 and 3.2.3 (several rewards, z-scored one by one and added) and MCLP eq. 5 and 6
(one gated reward). Each batch of rollouts is used for one step, so the ratio is 1 with the
policy's gradient and nothing is off-policy; neither paper says otherwise.

Shapes: G rollouts a prompt, B sequences, T tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from trainer.advantages import Advantages, Form, advantages, spread
from trainer.batch import Batch, microbatches
from trainer.data.rows import Row
from trainer.kl import KlName
from trainer.logprobs import Support
from trainer.loop.ranks import Ranks, with_whole_weights
from trainer.loop.task import StepLoss
from trainer.losses import grpo_loss
from trainer.models import Reference
from trainer.rewards.hub import RewardHub
from trainer.rewards.protocol import RewardTable, RewardTarget, requests_of
from trainer.rollouts.batch import training_rows
from trainer.rollouts.protocol import RolloutEngine, RolloutPrompt, Rollouts
from trainer.rollouts.settings import SamplingSettings
from trainer.tokens.layout import Layout

Asks = Callable[[Row], frozenset[str]]
Script = Callable[[Row], tuple[int, ...] | None]


@dataclass(frozen=True, kw_only=True)
class GrpoRecipe:
    """What one stage of a paper sets."""

    group_size: int  # G
    beta: float  # of the KL term
    clip: float
    kl: KlName
    form: Form  # how several rewards become one advantage
    weights: Mapping[str, float]  # of the rewards in the sum
    sampling: SamplingSettings
    max_tokens: int  # of a microbatch, with padding


@dataclass(frozen=True, slots=True)
class Sequences:
    """Some rollouts behind their prompts, padded at the end, with all that the loss needs."""

    batch: Batch
    support: Support
    advantages_B: Tensor
    ref_logprobs_BT: Tensor | None
    sampled_BT: Tensor  # log-probs as the sampler had them
    token_share: float  # what a mean over its trained tokens counts in one over the step's rollouts


class Grpo:
    """The loop's task for prompts."""

    name = "grpo"

    def __init__(
        self,
        ranks: Ranks,
        reference: Reference | None,
        engine: RolloutEngine,
        hub: RewardHub,
        layout: Layout,
        recipe: GrpoRecipe,
        *,
        asks: Asks,
        classes_V: Tensor,
        script: Script = lambda row: None,
    ) -> None:
        """Puts the parts together.

        Args:
            ranks: this process among all.
            reference: None where beta is 0.
            engine: lets the policy speak.
            hub: judges what it said.
            layout: reads the codes out of it.
            recipe: the stage's numbers.
            asks: the rewards that a row is judged by.
            classes_V: of `trainer.tokens.walk.class_table`, for the support of each token.
            script: the text that a row's rollouts have to say token by token; None leaves the
                text to the policy.
        """
        self._ranks, self._reference, self._engine = ranks, reference, engine
        self._hub, self._layout, self._recipe = hub, layout, recipe
        self._asks, self._classes_V, self._script = asks, classes_V, script

    def microbatches(
        self, batch: Sequence[Row], model: nn.Module, step: int
    ) -> tuple[list[Sequences], dict[str, float]]:
        """Samples and judges this rank's share of the prompts."""
        rank, world_size = self._ranks.rank, self._ranks.world_size
        rows = list(batch[rank::world_size])
        # A prompt's place in the whole batch: however many ranks, the same random numbers.
        places = range(rank, len(batch), world_size)
        prompts = [
            RolloutPrompt(f"{step}:{place}:{row.id}", row.example.prompt_ids, self._script(row))
            for place, row in zip(places, rows, strict=True)
        ]
        recipe = self._recipe
        rollouts = with_whole_weights(
            model,
            lambda: self._engine.generate(
                prompts, recipe.group_size, recipe.sampling, self._layout.grammar
            ),
        )
        completions = rollouts.completions()
        codes = [self._layout.extract(ids).codes for ids in completions]
        targets = [self.target(row, prompt.key) for row, prompt in zip(rows, prompts, strict=True)]
        table = self._hub.score_now(requests_of(targets, codes, completions))
        found = advantages(
            table.rewards,
            recipe.group_size,
            recipe.form,
            weights={n: w for n, w in recipe.weights.items() if n in table.rewards},
        )
        parts = self._parts(rollouts, found, model)
        return parts, self._facts(rollouts, found, table)

    def target(self, row: Row, key: str) -> RewardTarget:
        """What a row's rollouts should be like."""
        emotion = row.fields.get("emotion")
        return RewardTarget(
            key=key,
            asked=self._asks(row),
            text=row.text,
            language=row.language,
            instruction=row.instruction,
            emotion=emotion if isinstance(emotion, str) else None,
            reference_codes=() if row.reference is None else row.reference.codes,
            truth_codes=row.codes,
        )

    def weight(self, microbatch: Sequences) -> float:
        """Rollouts, those that nothing is learnt from too: eq. 5 divides by G."""
        return float(len(microbatch.advantages_B))

    def loss(self, model: nn.Module, microbatch: Sequences) -> StepLoss:
        """The sum over its rollouts."""
        recipe, batch = self._recipe, microbatch.batch
        logprobs_BT, _ = model(batch, microbatch.support, recipe.sampling.temperature)
        found = grpo_loss(
            logprobs_BT,
            None,
            microbatch.ref_logprobs_BT,
            microbatch.advantages_B,
            batch.target_BT,
            beta=recipe.beta,
            clip=recipe.clip,
            kl=recipe.kl,
            n_sequences=1.0,
        )
        gap_BT = (logprobs_BT.detach() - microbatch.sampled_BT).abs() * batch.target_BT
        facts: Counter[str] = Counter()
        facts.update(
            {
                "kl": float(found.kl) * microbatch.token_share,
                "clip_share": float(found.clip_share) * microbatch.token_share,
                # Mean of each rollout's largest, of log-probs; about 1e-6 in float32.
                "sampler_gap": float(gap_BT.amax(-1).sum()),
                "tokens": batch.tokens,
            }
        )
        return StepLoss(found.loss, facts)

    def _parts(self, rollouts: Rollouts, found: Advantages, model: nn.Module) -> list[Sequences]:
        lengths = rollouts.lengths_B.tolist()
        whole = [len(rollouts.prompt_of(row).ids) + lengths[row] for row in range(len(rollouts))]
        groups = microbatches(range(len(rollouts)), whole.__getitem__, self._recipe.max_tokens)
        counts = torch.tensor([len(rollouts), int(rollouts.trained_BT.sum())])
        everyones, tokens = self._ranks.sum(counts.to(self._ranks.device)).tolist()
        scale = everyones / max(tokens, 1)
        parts = [self._sequences(rollouts, found, rows, scale) for rows in groups]
        if self._reference is None:
            return parts
        with self._reference.policy(model) as reference:
            return [self._with_reference(part, reference) for part in parts]

    def _sequences(
        self, rollouts: Rollouts, found: Advantages, rows: Sequence[int], scale: float
    ) -> Sequences:
        """These rollouts behind their prompts; `scale` is the step's rollouts a trained token."""
        device = self._ranks.device
        padded = training_rows(rollouts, rows, pad_id=0)
        tokens = int(padded.attention_MS.sum())
        return Sequences(
            Batch(padded.ids_MS, padded.attention_MS, padded.trained_MS, tokens).to(device),
            Support(padded.support_MS.to(device), self._classes_V),
            torch.tensor([found.values[row] for row in rows], device=device),
            None,
            padded.sampling_logprobs_MS.to(device),
            scale * int(padded.trained_MS.sum()),
        )

    def _with_reference(self, part: Sequences, reference: nn.Module) -> Sequences:
        logprobs_BT, _ = reference(part.batch, part.support, self._recipe.sampling.temperature)
        return replace(part, ref_logprobs_BT=logprobs_BT)

    def _reward(self, table: RewardTable) -> float:
        """Mean over the rollouts of the weighted sum of what each was given."""
        sums: dict[int, float] = {}
        for name, scores in table.rewards.items():
            weight = self._recipe.weights.get(name, 1.0)
            for row, score in enumerate(scores):
                if score is not None:
                    sums[row] = sums.get(row, 0.0) + weight * score
        return sum(sums.values()) / max(len(sums), 1)

    def _facts(self, rollouts: Rollouts, found: Advantages, table: RewardTable) -> dict[str, float]:
        """What is logged of a batch of rollouts: rewards, dead groups, masks, lengths."""
        drawn_BT = rollouts.completion_BT & ~rollouts.forced_BT
        facts = {f"reward_{name}": value for name, value in table.facts().items()}
        facts |= {
            "reward": self._reward(table),
            "dead_groups": found.all_dead / found.groups,
            "length": float(rollouts.lengths_B.float().mean()),
            "entropy": float(rollouts.entropy_BT[drawn_BT].mean()) if drawn_BT.any() else 0.0,
            **{f"{name}_share": share for name, share in rollouts.shares().items()},
        }
        for name, passed in table.passed.items():
            counted = [bool(one) for one in passed]
            left = spread(found.values, counted, rollouts.group_size)
            if left is not None:  # how much of the style signal the gate leaves
                facts[f"{name}_survivor_spread"] = left
        return facts
