from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.layouts import CODES, append
from trainer.errors import LayoutError
from trainer.tokens.append import AppendLayout, Reference
from trainer.tokens.layout import Speech

codes = st.lists(st.integers(0, CODES - 1), min_size=1, max_size=40)


@given(codes)
def test_what_is_written_reads_back(speech: list[int]) -> None:
    layout = append()
    target = layout.target(speech)
    assert layout.decode(target) == Speech((), tuple(speech))
    assert target[-1] == layout.vocab.end_id and len(target) == len(speech) + 1


def test_a_whole_example_by_hand() -> None:
    layout = append()
    example = layout.encode("Go.", [1, 2], "Whisper it", Reference("Come.", (7, 8)))
    decoded = layout.tokenizer.decode(example.prompt_ids)  # type: ignore[attr-defined]
    assert decoded == ("<|user|>\nWhisper it\nCome. Go.<|end|>\n<|assistant|>\n<code_7><code_8>")
    first = layout.vocab.first_code_id
    assert example.target_ids == (first + 1, first + 2, layout.vocab.end_id)
    assert example.loss_mask == (True, True, True)


@pytest.mark.parametrize("instruction", [None, ""])
def test_without_an_instruction_the_paper_s_default_stands(instruction: str | None) -> None:
    layout = append()
    decoded = layout.tokenizer.decode(layout.prompt("Go.", instruction))  # type: ignore[attr-defined]
    assert decoded == "<|user|>\nSpeak the following text\nGo.<|end|>\n<|assistant|>\n"


def test_the_joiner_is_a_setting() -> None:
    layout = AppendLayout(append().vocab, append().tokenizer, joiner="")
    ids = layout.prompt("走", reference=Reference("来", (1,)))
    assert "来走" in layout.tokenizer.decode(ids)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("ids", "position"), [([], 0), ([1], 0), ([266], 1), (["end"], 0), ([266, "end", "end"], 2)]
)
def test_what_is_wrong_is_named_with_its_position(ids: list[int | str], position: int) -> None:
    layout = append()
    vocab = layout.vocab
    known: dict[int | str, int] = {"end": vocab.end_id, 266: vocab.first_code_id}
    with pytest.raises(LayoutError, match=f"position {position}") as caught:
        layout.decode([known.get(one, 1) for one in ids])
    assert caught.value.position == position


def test_what_a_malformed_rollout_said_can_still_be_had() -> None:
    layout = append()
    first = layout.vocab.first_code_id
    assert layout.extract([first, 65, first + 2]).codes == (0, 2)


@pytest.mark.parametrize(
    ("text", "instruction"), [("a<|end|>", None), ("a", "<code_3>"), ("<|assistant|>", "b")]
)
def test_text_cannot_end_its_turn(text: str, instruction: str | None) -> None:
    with pytest.raises(LayoutError, match="special token"):
        append().prompt(text, instruction)


def test_empty_texts_targets_and_references_are_refused() -> None:
    with pytest.raises(LayoutError, match="the text is empty"):
        append().prompt("  ")
    with pytest.raises(LayoutError, match="the speech has no codes"):
        append().encode("a", [])
    with pytest.raises(LayoutError, match="the reference has no codes"):
        append().prompt("a", reference=Reference("b", ()))
    with pytest.raises(LayoutError, match="code 16 at position 1"):
        append().encode("a", [1, 16])
