"""A small tokenizer and a small model with random weights: real ones, for tests and the demo.

The tokenizer is byte-level BPE without merges, so that every text in every language has tokens,
one a byte, and nothing has to be trained. The model is a Llama of a few hundred thousand weights.
Both are saved and loaded as any Hugging Face model is.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from trainer.vocab import SpeechNames

HEADS = 4  # of attention; half as many for keys and values, as larger models have it
_BEGIN, _PAD = "<s>", "<pad>"
_ROLES = ("<|user|>", "<|assistant|>")
# Phi-3's form: it needs no more than a turn's role, its content and its end.
_CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def tiny_tokenizer(names: SpeechNames) -> PreTrainedTokenizerFast:
    """A tokenizer of 256 bytes, the tokens of a chat template, and the speech tokens named.

    It works for either layout: what `names` has is added, and a template with `<|end|>` is there.
    """
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={byte: i for i, byte in enumerate(bytes_)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokens = dict.fromkeys([_BEGIN, _PAD, *_ROLES, "<|end|>", *names.tokens()])
    backend.add_special_tokens([AddedToken(name, special=True) for name in tokens])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=_BEGIN,
        eos_token=names.turn_end or names.end,
        pad_token=_PAD,
        chat_template=_CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def tiny_model(
    vocab_size: int,
    *,
    hidden: int = 64,
    layers: int = 2,
    heads: int = HEADS,
    tied: bool = False,
    seed: int = 0,
) -> LlamaForCausalLM:
    """A Llama with random weights, float32, in eval mode; the same for the same arguments.

    Args:
        vocab_size: rows of the embedding; `len(tokenizer)` at least.
        hidden: width, a multiple of twice `heads`.
        layers: blocks.
        heads: attention heads; half as many for keys and values, as larger models have it.
        tied: whether the head is the embedding.
        seed: of the weights; the global generator is left as it was.
    """
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 2),
        max_position_embeddings=16384,
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: LlamaForCausalLM = LlamaForCausalLM(config)
    model.eval()
    return model


def write_tiny(
    folder: Path, names: SpeechNames, *, hidden: int = 64, layers: int = 2, seed: int = 0
) -> Path:
    """Saves a tiny model with its tokenizer into a folder, and gives the folder back."""
    tokenizer = tiny_tokenizer(names)
    model = tiny_model(len(tokenizer), hidden=hidden, layers=layers, seed=seed)
    model.config.eos_token_id = tokenizer.eos_token_id
    model.config.pad_token_id = tokenizer.pad_token_id
    if model.generation_config is not None:
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
