"""Small real models and prompts, and a sampler as plain as one can be."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from trainer.rollouts.noise import uniforms
from trainer.rollouts.protocol import RolloutPrompt
from trainer.rollouts.settings import SamplingSettings
from trainer.tiny import tiny_model, tiny_tokenizer
from trainer.tokens.append import AppendLayout, Reference
from trainer.tokens.grammar import Grammar
from trainer.tokens.layout import Turn
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab, TokenClass, flexivoice, step_audio_2

TEXTS = ("Who goes there?", "No.", "I told you this morning, did I not?")


@cache
def ta4() -> tuple[Ta4Layout, PreTrainedTokenizerFast, LlamaForCausalLM]:
    tokenizer = tiny_tokenizer(names := step_audio_2(n_codes=32))
    layout = Ta4Layout(SpeechVocab.from_tokenizer(tokenizer, names), tokenizer)
    return layout, tokenizer, sharp(tiny_model(len(tokenizer), seed=2))


@cache
def append() -> tuple[AppendLayout, PreTrainedTokenizerFast, LlamaForCausalLM]:
    tokenizer = tiny_tokenizer(names := flexivoice(n_codes=32))
    layout = AppendLayout(SpeechVocab.from_tokenizer(tokenizer, names), cast(Any, tokenizer))
    return layout, tokenizer, sharp(tiny_model(len(tokenizer)))


def sharp(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """A model with opinions: freshly made ones find all tokens about equally likely."""
    with torch.no_grad():
        model.lm_head.weight.mul_(12.0)
    return model


def ta4_prompts(scripted: bool = True) -> list[RolloutPrompt]:
    layout, tokenizer, _ = ta4()
    return [
        RolloutPrompt(
            key=f"line-{number}",
            ids=tuple(layout.prompt([Turn("human", text * (number + 1))])),
            script=tuple(layout.vocab.to_text(tokenizer, text[:6], "text")) if scripted else None,
        )
        for number, text in enumerate(TEXTS)
    ]


def append_prompts() -> list[RolloutPrompt]:
    layout = append()[0]
    reference = Reference("Well then.", (3, 1, 4, 1, 5))
    return [
        RolloutPrompt(key=f"line-{n}", ids=tuple(layout.prompt(text, "Happily", reference)))
        for n, text in enumerate(TEXTS)
    ]


def naive(
    model: LlamaForCausalLM,
    vocab: SpeechVocab,
    grammar: Grammar,
    prompt: RolloutPrompt,
    number: int,
    sampling: SamplingSettings,
) -> tuple[list[int], list[float]]:
    """One rollout, the whole sequence through the model for every token; no script, no limit.

    Returns:
        Its ids and the log-prob of each, 0 where the grammar allows one id only.
    """
    noise = uniforms([prompt.key], number + 1, sampling.max_tokens, sampling.seed)[number]
    ids, logprobs, state = list(prompt.ids), [], grammar.start
    for u in noise.tolist():
        if state == grammar.done:
            break
        allowed = [
            token_id
            for token_id in range(vocab.size)
            if vocab.class_of(token_id) & grammar.allowed(state)
        ]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits[0, -1, allowed]
        probs = (logits.double() / sampling.temperature).softmax(-1)
        if len(allowed) == 1:
            chosen = 0
        elif sampling.greedy:
            chosen = int(probs.argmax())
        else:
            total = 0.0
            for chosen, p in enumerate(probs.tolist()):  # noqa: B007 - used after the loop
                total += p
                if total > u:
                    break
        ids.append(allowed[chosen])
        logprobs.append(float(probs[chosen].log()))
        state = grammar.advance(state, TokenClass(vocab.class_of(ids[-1])))
    return ids[len(prompt.ids) :], logprobs


def full_logits(
    model: LlamaForCausalLM, prompt: Sequence[int], completion: Sequence[int]
) -> torch.Tensor:
    """The logits of each token of a completion, in one pass without a cache, `[T, V]`."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[*prompt, *completion]])).logits[0].float()
    found: torch.Tensor = logits[len(prompt) - 1 : -1]
    return found
