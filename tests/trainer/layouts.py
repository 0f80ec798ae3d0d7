"""The two layouts over tiny real tokenizers."""

from __future__ import annotations

import functools

from trainer.tiny import tiny_tokenizer
from trainer.tokens.append import AppendLayout
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab, flexivoice, step_audio_2

CODES = 16


@functools.cache
def ta4() -> Ta4Layout:
    """TA4 with 16 codes."""
    names = step_audio_2(n_codes=CODES)
    tokenizer = tiny_tokenizer(names)
    return Ta4Layout(SpeechVocab.from_tokenizer(tokenizer, names), tokenizer)


@functools.cache
def append() -> AppendLayout:
    """Append with 16 codes."""
    names = flexivoice(n_codes=CODES)
    tokenizer = tiny_tokenizer(names)
    return AppendLayout(SpeechVocab.from_tokenizer(tokenizer, names), tokenizer)
