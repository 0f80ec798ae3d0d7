"""Qwen-VL models of a few random weights, made here and saved: the real classes, no hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    PreTrainedModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

_SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
_WRITTEN = "abcdefghijklmnopqrstuvwxyzĠ"  # the last one is a blank in the byte-level alphabet
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}"
    "{% if part.type == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


_TEXT: dict[str, Any] = {
    **{"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 8},
    **{"num_attention_heads": 4, "num_key_value_heads": 2},
    "initializer_range": 0.3,  # far from zero: what it sees changes what it writes
    "rope_parameters": {
        **{"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [1, 1, 2]},
    },
}
_VISION: dict[str, Any] = {
    **{"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4},
    **{"out_hidden_size": 32, "initializer_range": 0.3},
}


def save_tiny_qwen(folder: Path, seed: int = 7) -> Path:
    """Saves a Qwen2.5-VL with its processor; it writes some ten letters and blanks, then ends."""
    tokenizer, ids = _tokenizer()
    torch.manual_seed(seed)
    config = Qwen2_5_VLConfig(
        text_config={**_TEXT, **_of(tokenizer, ids)},
        vision_config={**_VISION, "fullatt_block_indexes": [1]},
        **_places(ids),
    )
    _save(Qwen2_5_VLForConditionalGeneration(config), tokenizer, ids, folder)
    size = {"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 768}
    Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(size=size),
        chat_template=_TEMPLATE,
    ).save_pretrained(folder)
    return folder


def save_tiny_qwen3(folder: Path, seed: int = 7) -> Path:
    """The same of a Qwen3-VL."""
    tokenizer, ids = _tokenizer()
    torch.manual_seed(seed)
    config = Qwen3VLConfig(
        text_config={**_TEXT, **_of(tokenizer, ids)},
        vision_config={**_VISION, "deepstack_visual_indexes": [0], "num_position_embeddings": 256},
        **_places(ids),
    )
    _save(Qwen3VLForConditionalGeneration(config), tokenizer, ids, folder)
    Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(patch_size=16),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(),
        chat_template=_TEMPLATE,
    ).save_pretrained(folder)
    return folder


def _of(tokenizer: Qwen2Tokenizer, ids: dict[str, int]) -> dict[str, int]:
    return {
        "vocab_size": len(tokenizer),
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
    }


def _places(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
    }


def _save(
    model: PreTrainedModel, tokenizer: Qwen2Tokenizer, ids: dict[str, int], folder: Path
) -> None:
    letters = {place for letter, place in tokenizer.get_vocab().items() if letter in _WRITTEN}
    ends = ids["<|im_end|>"]
    rules = model.generation_config
    assert rules is not None
    rules.eos_token_id, rules.pad_token_id = ends, ids["<|endoftext|>"]
    rules.suppress_tokens = sorted({*range(len(tokenizer))} - letters - {ends})
    rules.min_new_tokens = 3
    rules.exponential_decay_length_penalty = (8, 1e6)  # then it ends
    model.save_pretrained(folder)


def _tokenizer() -> tuple[Qwen2Tokenizer, dict[str, int]]:
    # Every byte is a letter of the byte-level alphabet, so any text can be written.
    from tokenizers.pre_tokenizers import ByteLevel

    vocabulary = {letter: place for place, letter in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": list(_SPECIAL)})
    return tokenizer, dict(zip(_SPECIAL, tokenizer.encode("".join(_SPECIAL)), strict=True))
