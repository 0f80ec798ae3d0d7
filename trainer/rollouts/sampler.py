"""The rollout engine in this process: batched, with a key-value cache, held to a grammar.

Prompts are padded on the left and read once; their cache is then expanded to the group. A token
that the grammar forces on every rollout at once (TA4: a script's text, one token in five) is not
computed by itself but read together with the next one that has to be drawn. Rollouts that have
ended leave the batch as soon as only half of it is still speaking.

Shapes: G rollouts a prompt, B in all, R of them still in the batch; V rows of the head; T tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from trainer.errors import UsageError
from trainer.rollouts.decoder import Decoder
from trainer.rollouts.draw import draw
from trainer.rollouts.noise import uniforms
from trainer.rollouts.protocol import RolloutPrompt, Rollouts, join
from trainer.rollouts.recorder import Recorder
from trainer.rollouts.settings import SamplingSettings
from trainer.rollouts.unconstrained import FreeWalk
from trainer.tokens.grammar import Grammar
from trainer.tokens.walk import Walk, class_table
from trainer.vocab import SpeechVocab


class TorchSampler:
    """Draws from a `transformers` causal model, which may be the policy that is being trained."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - transformers' models, and peft's around them
        vocab: SpeechVocab,
        *,
        max_rollouts: int = 256,
        any_rank: Callable[[bool], bool] = bool,
    ) -> None:
        """Takes the model as it is; its weights are shared, so there is nothing to refresh.

        Args:
            model: on its device. Put into eval mode while it speaks.
            vocab: the tokenizer's speech tokens.
            max_rollouts: of one batch, at most; bounds the memory of the cache. A group is never
                split.
            any_rank: whether any process says True. Under FSDP all must go through the model
                equally often: give one that asks them all, and every process as many prompts.
        """
        self._model = model
        self._vocab = vocab
        self._max_rollouts = max_rollouts
        self._any_rank = any_rank

    def refresh(self) -> None:
        """Nothing to do: the weights are the policy's own."""

    def generate(
        self,
        prompts: Sequence[RolloutPrompt],
        group_size: int,
        sampling: SamplingSettings,
        grammar: Grammar | None,
    ) -> Rollouts:
        """`group_size` completions of every prompt; see `RolloutEngine.generate`.

        Raises:
            UsageError: there is no prompt, one is empty or too long for the model, a key comes
                twice, or a completion cannot end within `sampling.max_tokens`.
        """
        self._check(prompts, group_size, sampling.max_tokens)
        per_batch = max(1, self._max_rollouts // group_size)
        parts = []
        with _speaking(self._model):
            for first in range(0, len(prompts), per_batch):
                batch = prompts[first : first + per_batch]
                parts.append(self._batch(batch, group_size, sampling, grammar))
        return join(parts, self._vocab.end_id)

    def _batch(
        self,
        prompts: Sequence[RolloutPrompt],
        group_size: int,
        sampling: SamplingSettings,
        grammar: Grammar | None,
    ) -> Rollouts:
        decoder = Decoder(self._model, self._vocab.end_id)
        logits_RV = decoder.read([prompt.ids for prompt in prompts], group_size)
        device = logits_RV.device
        walk = self._walk(prompts, group_size, sampling.max_tokens, grammar, device)
        classes_V = class_table(self._vocab, logits_RV.shape[1], device)
        keys = [prompt.key for prompt in prompts]
        noise_BT = uniforms(keys, group_size, sampling.max_tokens, sampling.seed).to(device)
        record = Recorder(len(noise_BT), sampling.max_tokens, self._vocab.end_id, device)
        for at in range(sampling.max_tokens):
            done_B = walk.done_B
            if not self._any_rank(not bool(done_B.all())):
                break
            step = walk.step()
            drawn = None
            if self._any_rank(not bool((step.forced_B >= 0).all())):
                if decoder.waiting:
                    logits_RV = decoder.go_on(done_B)
                rows_R = decoder.rows_R
                drawn = draw(
                    logits_RV,
                    step.allowed(classes_V)[rows_R],
                    sampling.temperature,
                    None if sampling.greedy else noise_BT[rows_R, at],
                )
            ids_B = record.add(at, step, done_B, decoder.rows_R, drawn)
            walk.advance(ids_B)
            decoder.say(ids_B)
        return record.rollouts(
            prompts, group_size, sampling.temperature, walk.done_B, decoder.forward_tokens
        )

    def _walk(
        self,
        prompts: Sequence[RolloutPrompt],
        group_size: int,
        max_tokens: int,
        grammar: Grammar | None,
        device: torch.device,
    ) -> Walk | FreeWalk:
        batch = len(prompts) * group_size
        if grammar is None:
            ends = (self._vocab.end_id, self._vocab.turn_end_id)
            return FreeWalk(tuple(one for one in ends if one is not None), batch, device)
        scripts = None
        if prompts[0].script is not None:
            scripts = [prompt.script or () for prompt in prompts for _ in range(group_size)]
        return Walk(grammar, self._vocab, batch, max_tokens, scripts, device)

    def _check(self, prompts: Sequence[RolloutPrompt], group_size: int, max_tokens: int) -> None:
        if not prompts or group_size < 1:
            raise UsageError(f"{len(prompts)} prompts, group_size {group_size}: nothing to sample")
        keys = [prompt.key for prompt in prompts]
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise UsageError(
                f"the prompt {twice!r} is in the batch twice: its rollouts would be the same. Give "
                "the second one another key, or ask for a larger group"
            )
        if len({prompt.script is None for prompt in prompts}) > 1:
            raise UsageError("some prompts have a script and some have none: give all or none one")
        limit = getattr(self._model.config, "max_position_embeddings", None)
        for prompt in prompts:
            if not prompt.ids:
                raise UsageError(f"the prompt {prompt.key!r} has no tokens")
            if limit is not None and len(prompt.ids) + max_tokens > limit:
                raise UsageError(
                    f"the prompt {prompt.key!r} has {len(prompt.ids)} tokens, which with "
                    f"max_tokens {max_tokens} is more than the model's {limit} positions: leave it "
                    "out, or lower sampling.max_tokens"
                )


@contextmanager
def _speaking(model: Any) -> Iterator[None]:  # noqa: ANN401
    """Eval mode without gradients; what was training goes on training afterwards."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True
