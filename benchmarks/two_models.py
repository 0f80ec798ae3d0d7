"""A small policy and another small reference, for `benchmarks.dpo_speed` and `grpo_speed`."""

from __future__ import annotations

from pathlib import Path

from trainer.tiny import tiny_tokenizer, write_tiny
from trainer.vocab import flexivoice

IDS = 32_064 + 16_384  # Phi-3.5's and FlexiVoice's codes


def codes_of(ids: int) -> int:
    """How many codes make the tiny tokenizer's ids so many; bytes, roles and ends are the others.

    >>> codes_of(300)
    39
    """
    return ids + 1 - len(tiny_tokenizer(flexivoice(n_codes=1)))


def write_models(folder: Path, ids: int, hidden: int, layers: int) -> None:
    """Writes ``policy`` and ``reference``: were they one, no KL and no margin would be compared."""
    names = flexivoice(n_codes=codes_of(ids))
    for seed, name in enumerate(("policy", "reference")):
        write_tiny(folder / name, names, hidden=hidden, layers=layers, seed=seed)
