from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from tests.trainer.coded import CODEC, utterance, write
from trainer.errors import UsageError, VocabError
from trainer.expand import main
from trainer.expansion import expand, new_rows
from trainer.model_codec import model_codec
from trainer.tags import check_tags, read_tags
from trainer.tiny import tiny_model, tiny_tokenizer
from trainer.tokens.append import AppendLayout
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechNames, SpeechVocab, flexivoice, step_audio_2

NO_CODES = SpeechNames(code="<none_{}>", n_codes=0, end="<|end|>")


def text_llm(spare: int = 0, tied: bool = False) -> tuple[Any, PreTrainedTokenizerFast]:
    """A model that knows text only, with rows beyond its tokenizer, as Phi-3.5 has them."""
    tokenizer = tiny_tokenizer(NO_CODES)
    model = tiny_model(len(tokenizer) + spare, tied=tied)
    with torch.no_grad():  # a mean and a covariance of their own, not zero and isotropic
        weight: Any = model.get_input_embeddings().weight
        weight += 0.5 + torch.linspace(0, 1, weight.shape[1])
    return model, tokenizer


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("spare", [0, 41, 500])
def test_old_rows_stay_and_new_ones_are_near_their_mean(spare: int, tied: bool) -> None:
    model, tokenizer = text_llm(spare, tied)
    before = len(tokenizer)
    old = model.get_input_embeddings().weight.detach()[:before].clone()
    old_head = model.get_output_embeddings().weight.detach()[:before].clone()
    found = expand(model, tokenizer, flexivoice(100))
    assert (found.tokens_before, found.tokens_after, found.tied) == (before, before + 100, tied)
    assert found.rows % 64 == 0 and found.rows >= max(before + spare, before + 100)
    assert model.config.vocab_size == found.rows
    for weight, expected in (
        (model.get_input_embeddings().weight, old),
        (model.get_output_embeddings().weight, old_head),
    ):
        assert weight.shape[0] == found.rows
        assert torch.equal(weight[:before], expected)  # to the bit
        new = weight[before:]
        assert bool(new.isfinite().all())
        deviation = expected.std(dim=0)
        assert bool(((new - expected.mean(dim=0)).abs() < 0.6 * deviation).all())
        assert len(new.unique(dim=0)) == len(new)  # no two begin alike
    if tied:
        assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_no_code_is_likelier_than_a_word_at_first() -> None:
    model, tokenizer = text_llm(spare=64)
    expand(model, tokenizer, flexivoice(100))
    vocab = SpeechVocab.from_tokenizer(tokenizer, flexivoice(100))
    ids = torch.tensor([tokenizer.encode("Say it.", add_special_tokens=False)])
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0, -1]
    codes = logits[vocab.first_code_id : vocab.first_code_id + 100]
    text = logits[: vocab.first_code_id]
    assert codes.mean() == pytest.approx(float(text.mean()), abs=0.2 * float(text.std()))
    assert codes.max() < text.max()


def test_noise_has_the_old_rows_covariance() -> None:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(6, 6, generator=generator)
    old = torch.randn(4000, 6, generator=generator) @ mixing + 3
    new = new_rows(old, 20000, 0.5, generator)
    expected = 0.25 * torch.cov(old.T)
    assert (torch.cov(new.T) - expected).abs().max() < 0.15 * expected.abs().max()
    assert (new.mean(dim=0) - old.mean(dim=0)).abs().max() < 0.05
    assert torch.equal(new_rows(old, 3, 0.0, generator), old.mean(dim=0).expand(3, -1))


def test_the_same_seed_gives_the_same_rows() -> None:
    def rows(seed: int) -> torch.Tensor:
        model, tokenizer = text_llm()
        expand(model, tokenizer, flexivoice(10), seed=seed)
        found: torch.Tensor = model.get_input_embeddings().weight.detach()
        return found

    assert torch.equal(rows(0), rows(0)) and not torch.equal(rows(0), rows(1))


def test_half_precision_stays_half() -> None:
    model, tokenizer = text_llm()
    model.to(torch.bfloat16)
    expand(model, tokenizer, flexivoice(10))
    assert model.get_input_embeddings().weight.dtype is torch.bfloat16


def test_a_heads_bias_is_expanded_too() -> None:
    model, tokenizer = text_llm()
    before = len(tokenizer)
    head = torch.nn.Linear(model.config.hidden_size, before, bias=True)
    torch.nn.init.normal_(head.bias)
    model.set_output_embeddings(head)
    old = head.bias.detach().clone()
    expand(model, tokenizer, flexivoice(10))
    bias = model.get_output_embeddings().bias
    assert torch.equal(bias[:before], old)
    assert torch.allclose(bias[before:], old.mean())


def test_either_layout_works_on_what_was_expanded() -> None:
    model, tokenizer = text_llm()
    expand(model, tokenizer, step_audio_2(20))
    layout = Ta4Layout(SpeechVocab.from_tokenizer(tokenizer, step_audio_2(20)), tokenizer)
    example = layout.encode([], "hi", [0, 19])
    assert max(example.prompt_ids + example.target_ids) < model.config.vocab_size


def test_tags_are_one_token_and_text() -> None:
    model, tokenizer = text_llm()
    tags = ["[Laughter]", "[Question-ah]", "[Laughter]"]
    found = expand(model, tokenizer, flexivoice(10), tags)
    assert found.tokens_after - found.tokens_before == 12
    vocab = SpeechVocab.from_tokenizer(tokenizer, flexivoice(10))
    layout = AppendLayout(vocab, tokenizer)
    plain = tokenizer.encode("Well no.", add_special_tokens=False)
    tagged = vocab.to_text(tokenizer, "Well[Laughter] no.", "text")
    assert len(tagged) == len(plain) + 1
    assert tokenizer.decode(tagged) == "Well[Laughter] no."
    assert layout.encode("[Question-ah] Well.", [1, 2]).target_ids


@pytest.mark.parametrize(
    ("names", "said"),
    [(flexivoice(5), "has more codes than 5|5 of"), (flexivoice(20), "10 of the 20")],
)
def test_a_model_is_not_expanded_for_two_speech_tokenizers(names: SpeechNames, said: str) -> None:
    model, tokenizer = text_llm()
    expand(model, tokenizer, flexivoice(10))
    if names.n_codes < 10:
        vocab = SpeechVocab.from_tokenizer(tokenizer, names)
        assert vocab.n_codes == 5  # a tokenizer cannot tell; what follows does
    with pytest.raises(VocabError, match=said):
        expand(model, tokenizer, names)


def test_expanding_twice_changes_nothing() -> None:
    model, tokenizer = text_llm()
    first = expand(model, tokenizer, flexivoice(10), ["[Sigh]"])
    weight = model.get_input_embeddings().weight.detach().clone()
    again = expand(model, tokenizer, flexivoice(10), ["[Sigh]"])
    assert again.tokens_after == again.tokens_before == first.tokens_after
    assert torch.equal(
        model.get_input_embeddings().weight[: first.tokens_after], weight[: first.tokens_after]
    )


def test_a_tokenizer_with_more_ids_than_the_model_has_rows() -> None:
    model, tokenizer = text_llm()
    tokenizer.add_tokens([AddedToken("more", special=False)])
    with pytest.raises(UsageError, match="do not belong together"):
        expand(model, tokenizer, flexivoice(10))


def test_the_command_saves_what_transformers_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, tokenizer = text_llm(spare=3)
    model.save_pretrained(tmp_path / "llm")
    tokenizer.save_pretrained(tmp_path / "llm")
    write(tmp_path / "tokens", [utterance("a")])
    (tmp_path / "tags.txt").write_text("[Laughter]\n# more\n[Sigh]\n")
    arguments = ["--model", str(tmp_path / "llm"), "--codec", str(tmp_path / "tokens")]
    arguments += ["--tags", str(tmp_path / "tags.txt"), "--output", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert "18 new ones for codes of kmeans-16@25Hz" in capsys.readouterr().out
    loaded: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    back = AutoTokenizer.from_pretrained(tmp_path / "out")
    vocab = SpeechVocab.from_tokenizer(back, flexivoice(16))
    vocab.check_rows(loaded.get_input_embeddings().num_embeddings)
    assert back.encode("[Sigh]", add_special_tokens=False) == [back.get_vocab()["[Sigh]"]]
    before = len(tokenizer)
    old = model.get_input_embeddings().weight[:before]
    assert torch.equal(loaded.get_input_embeddings().weight[:before], old)
    ids = torch.tensor([AppendLayout(vocab, back).prompt("Hello.")])
    with torch.no_grad():
        assert bool(loaded(input_ids=ids).logits.isfinite().all())
    assert model_codec(str(tmp_path / "out")) == CODEC
    assert main(arguments) == 2
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--codec", "nowhere", "--model", "m", "--output", "o"], "has no codes"),
        (["--codec", "{tokens}", "--model", "{tokens}", "--output", "o"], "cannot be loaded"),
        (["--codec", "{tokens}", "--model", "m", "--output", "o", "--tags", "no"], "no: "),
    ],
)
def test_bad_usage_is_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, [utterance("a")])
    assert main([one.format(tokens=tmp_path) for one in arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ") and said in error and "\n" not in error


def test_lists_of_tags_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "tags.txt"
    path.write_text("[Laughter]\n\n[Sigh] # heard often\n[Laughter]\n")
    assert read_tags(str(path)) == ["[Laughter]", "[Sigh]"]
    path.write_text("[Laughter]\n<audio_1>\n")
    with pytest.raises(UsageError, match="tags.txt:2: '<audio_1>' is no tag"):
        read_tags(str(path))
    with pytest.raises(UsageError, match="are these tags"):
        check_tags(f"[x{n}]" for n in range(1001))
