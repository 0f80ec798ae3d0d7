from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
from transformers import PreTrainedTokenizerFast

from tests.trainer.layouts import append, ta4
from trainer.errors import LayoutError, VocabError
from trainer.tiny import tiny_tokenizer
from trainer.vocab import SpeechNames, SpeechVocab, TokenClass, flexivoice, step_audio_2


def test_every_token_of_step_audio_2_is_found_by_name() -> None:
    names = step_audio_2()
    tokenizer = tiny_tokenizer(names)
    vocab = SpeechVocab.from_tokenizer(tokenizer, names)

    def id_of(name: str) -> int:
        return tokenizer.get_vocab()[name]

    assert vocab.n_codes == 6561
    assert vocab.first_code_id == id_of("<audio_0>")
    assert vocab.to_ids([6560]) == [id_of("<audio_6560>")]
    assert vocab.audio_pad_id == id_of("<audio_6561>")
    assert (vocab.text_pad_id, vocab.start_id) == (id_of("<tts_pad>"), id_of("<tts_start>"))
    assert (vocab.end_id, vocab.turn_end_id) == (id_of("<tts_end>"), id_of("<|EOT|>"))
    assert vocab.turn_start_id == id_of("<|BOT|>")
    assert vocab.size == len(tokenizer)


def test_flexivoice_has_16384_codes_and_the_template_s_own_end() -> None:
    names = flexivoice()
    vocab = SpeechVocab.from_tokenizer(tiny_tokenizer(names), names)
    assert vocab.n_codes == 16384
    assert vocab.size == vocab.first_code_id + 16384  # appended: nothing behind them
    assert vocab.audio_pad_id is None and vocab.start_id is None


def test_each_id_has_one_class() -> None:
    vocab = ta4().vocab
    assert len(vocab.classes) == vocab.size
    by_class = {one: vocab.classes.count(one) for one in TokenClass}
    assert by_class[TokenClass.CODE] == 16
    assert by_class[TokenClass.TEXT] == 256  # the bytes
    for one in (TokenClass.AUDIO_PAD, TokenClass.TEXT_PAD, TokenClass.END, TokenClass.TURN_END):
        only = vocab.only_id(one)
        assert by_class[one] == 1 and only is not None and vocab.class_of(only) == one
    assert vocab.class_of(vocab.size) is vocab.class_of(-1) is TokenClass.OTHER
    assert vocab.only_id(TokenClass.CODE) is None
    assert vocab.is_code(vocab.first_code_id) and not vocab.is_code(vocab.audio_pad_id or 0)


def test_a_missing_marker_is_named() -> None:
    tokenizer = tiny_tokenizer(dataclasses.replace(step_audio_2(4), text_pad=None))
    with pytest.raises(VocabError, match=r"no token <tts_pad> \(text_pad\)"):
        SpeechVocab.from_tokenizer(tokenizer, step_audio_2(4))


def test_a_tokenizer_with_fewer_codes_is_refused() -> None:
    tokenizer = tiny_tokenizer(step_audio_2(4))  # has <audio_4>, its pad, and no <audio_5>
    with pytest.raises(VocabError, match=r"no token <audio_5>"):
        SpeechVocab.from_tokenizer(tokenizer, dataclasses.replace(step_audio_2(9), audio_pad=None))


def test_codes_that_are_not_one_run_are_refused() -> None:
    scattered = SpeechNames(code="<audio_{}>", n_codes=3, end="<tts_end>")
    tokenizer = with_tokens(["<tts_end>", "<audio_0>", "<audio_2>", "<audio_1>"])
    with pytest.raises(VocabError, match=r"not one run: <audio_1> has id \d+, expected \d+"):
        SpeechVocab.from_tokenizer(tokenizer, scattered)


def test_a_pad_among_the_codes_is_refused() -> None:
    names = SpeechNames(code="<audio_{}>", n_codes=3, end="<tts_end>", audio_pad="<audio_2>")
    tokenizer = with_tokens(["<tts_end>", "<audio_0>", "<audio_1>", "<audio_2>"])
    with pytest.raises(VocabError, match="among the codes' ids"):
        SpeechVocab.from_tokenizer(tokenizer, names)


def test_a_model_with_too_few_rows_is_refused() -> None:
    vocab = append().vocab
    vocab.check_rows(vocab.size)
    vocab.check_rows(vocab.size + 64)  # padded embeddings are common
    with pytest.raises(VocabError, match="resize"):
        vocab.check_rows(vocab.size - 1)


@pytest.mark.parametrize("code", [-1, 16, 6561])
def test_a_code_out_of_range_names_its_position(code: int) -> None:
    with pytest.raises(LayoutError, match=rf"code {code} at position 2 is not in 0..15") as caught:
        ta4().vocab.to_ids([1, 2, code])
    assert caught.value.position == 2


@pytest.mark.parametrize("text", ["hi <|EOT|>", "<audio_3>", "a<tts_end>b", "<s>"])
def test_names_of_special_tokens_do_not_get_in_through_text(text: str) -> None:
    layout = ta4()
    with pytest.raises(LayoutError, match="special token"):
        layout.vocab.to_text(layout.tokenizer, text, "transcript")


def test_text_that_only_looks_special_is_text() -> None:
    layout = ta4()
    ids = layout.vocab.to_text(layout.tokenizer, "<|EO T|> < audio_3 > 你好", "transcript")
    assert all(layout.vocab.is_text(token_id) for token_id in ids)


def test_importing_the_trainer_imports_nothing_heavy() -> None:
    code = (
        "import sys, trainer, trainer.errors, trainer.vocab, trainer.tokens.ta4\n"
        "import trainer.tokens.append, trainer.advantages, trainer.gate\n"
        "heavy = {'torch', 'transformers', 'lhotse', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def with_tokens(tokens: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer with these special tokens, in this order."""
    tokenizer = tiny_tokenizer(SpeechNames(code="<x_{}>", n_codes=1, end="<x>"))
    tokenizer.add_special_tokens({"additional_special_tokens": tokens})
    return tokenizer
