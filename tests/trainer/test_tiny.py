from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from trainer.tiny import tiny_model, tiny_tokenizer, write_tiny
from trainer.vocab import SpeechVocab, flexivoice, step_audio_2


@pytest.mark.parametrize("names", [flexivoice(n_codes=8), step_audio_2(n_codes=8)])
def test_what_is_saved_loads_as_any_model_does(tmp_path: Path, names: object) -> None:
    assert isinstance(names, type(flexivoice()))
    folder = write_tiny(tmp_path / "tiny", names, seed=3)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    vocab = SpeechVocab.from_tokenizer(tokenizer, names)
    assert vocab == SpeechVocab.from_tokenizer(tiny_tokenizer(names), names)
    vocab.check_rows(loaded.get_output_embeddings().weight.shape[0])
    made = tiny_model(vocab.size, seed=3)
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, made.state_dict()[name]), name
    assert loaded.config.eos_token_id == tokenizer.eos_token_id


@pytest.mark.parametrize("text", ["你好，世界", "naïve café", "a\n\tb  c", "<|not special|>"])
def test_any_text_reads_back(text: str) -> None:
    tokenizer = tiny_tokenizer(step_audio_2(n_codes=8))
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert len(ids) == len(text.encode())
    assert tokenizer.decode(ids) == text


def test_the_seed_decides_and_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, same, other = (tiny_model(20, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(one.lm_head.weight, same.lm_head.weight)
    assert not torch.equal(one.lm_head.weight, other.lm_head.weight)
