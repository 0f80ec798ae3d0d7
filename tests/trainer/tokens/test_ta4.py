from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.layouts import CODES, ta4
from trainer.errors import LayoutError, VocabError
from trainer.tokens.layout import Speech, Turn
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab

texts = st.lists(st.integers(0, 255), min_size=1, max_size=12)
codes = st.lists(st.integers(0, CODES - 1), min_size=1, max_size=40)


def short_groups(text: list[int], speech: list[int]) -> list[int]:
    """A target as Step-Audio 2's own code makes it: the speech padded to n tokens, not to 4 n."""
    vocab = ta4().vocab
    assert vocab.audio_pad_id is not None and vocab.text_pad_id is not None
    n = max(-(-len(speech) // 4), len(text))
    audio = vocab.to_ids(speech)
    audio += [vocab.audio_pad_id] * (n - len(audio))
    slots = text + [vocab.text_pad_id] * (n - len(text))
    ids = [token for i, slot in enumerate(slots) for token in (slot, *audio[4 * i : 4 * i + 4])]
    assert vocab.turn_end_id is not None
    return [*ids, vocab.end_id, vocab.turn_end_id]


@given(texts, codes)
def test_what_is_written_reads_back(text: list[int], speech: list[int]) -> None:
    layout = ta4()
    target = layout.target(text, speech)
    assert layout.decode(target) == Speech(tuple(text), tuple(speech))
    layout.validate(target, full_groups=True)
    n = max(-(-len(speech) // 4), len(text))  # TRAINER: n = max(ceil(A / 4), T)
    assert len(target) == 5 * n + 2


@given(texts, codes)
def test_short_groups_of_the_reference_code_read_back_too(
    text: list[int], speech: list[int]
) -> None:
    assert ta4().decode(short_groups(text, speech)) == Speech(tuple(text), tuple(speech))


@given(texts, codes)
def test_both_forms_are_the_same_where_there_is_nothing_to_pad(
    text: list[int], speech: list[int]
) -> None:
    speech = (speech * 4)[: 4 * max(1, len(text) // 2)]
    text = text[: max(1, len(text) // 2)]
    if len(speech) == 4 * len(text):
        assert short_groups(text, speech) == ta4().target(text, speech)


def test_the_text_runs_out_first() -> None:
    layout, vocab = ta4(), ta4().vocab
    a = vocab.first_code_id
    ids = layout.groups([65, 66], [0, 1, 2, 3, 4, 5, 6, 7, 8])
    pad, silence = vocab.text_pad_id, vocab.audio_pad_id
    assert ids == [
        *(65, a, a + 1, a + 2, a + 3),
        *(66, a + 4, a + 5, a + 6, a + 7),
        *(pad, a + 8, silence, silence, silence),
    ]


def test_the_speech_runs_out_first() -> None:
    layout, vocab = ta4(), ta4().vocab
    a, silence = vocab.first_code_id, vocab.audio_pad_id
    assert layout.groups([65, 66, 67], [0, 1]) == [
        *(65, a, a + 1, silence, silence),
        *(66, silence, silence, silence, silence),
        *(67, silence, silence, silence, silence),
    ]


def test_a_conversation_by_hand() -> None:
    layout, vocab = ta4(), ta4().vocab
    tokenizer = layout.tokenizer
    example = layout.encode(
        [
            Turn("system", "A kitchen."),
            Turn("human", "Say: Hi"),
            Turn("assistant", "Hi", (1, 2)),
            Turn("assistant", "written"),
            Turn("human", "Say: Oh"),
        ],
        "Oh",
        [3],
    )
    by_name = tokenizer.get_vocab()

    def ids(*parts: str) -> list[int]:
        found: list[int] = []
        for part in parts:
            one = [by_name[part]] if part in by_name else None
            found += one or tokenizer.encode(part, add_special_tokens=False)
        return found

    pads = ["<audio_16>"] * 2
    assert list(example.prompt_ids) == ids(
        *("<|BOT|>", "system\nA kitchen.", "<|EOT|>"),
        *("<|BOT|>", "human\nSay: Hi", "<|EOT|>"),
        *("<|BOT|>", "assistant\n", "<tts_start>"),
        *("H", "<audio_1>", "<audio_2>", *pads, "i", *pads, *pads, "<tts_end>", "<|EOT|>"),
        *("<|BOT|>", "assistant\nwritten", "<|EOT|>"),
        *("<|BOT|>", "human\nSay: Oh", "<|EOT|>"),
        *("<|BOT|>", "assistant\n", "<tts_start>"),
    )
    assert list(example.target_ids) == ids(
        "O", "<audio_3>", *pads, "<audio_16>", "h", *pads, *pads, "<tts_end>", "<|EOT|>"
    )
    assert example.loss_mask == (True,) * len(example.target_ids)
    assert vocab.class_of(example.target_ids[-1]).name == "TURN_END"


T, A, P, Q, E, X = "text", "code", "text_pad", "audio_pad", "end", "turn_end"
WRONG: dict[str, tuple[list[str], int, str]] = {
    "no text": ([A, A, A, A, E, X], 0, "only text may stand"),
    "no speech": ([T, Q, Q, Q, Q, E, X], 1, "audio_pad where only code may stand"),
    "ends at once": ([E, X], 0, "only text may stand"),
    "two texts at the start": ([T, T, A, A, E, X], 1, "text where only code may stand"),
    "five codes": ([T, A, A, A, A, A, E, X], 5, "code where only text or text_pad or end"),
    "text after the text pad": ([T, A, A, A, A, P, A, A, A, A, T], 10, "text where only"),
    "a code after the audio pad": ([T, A, Q, A, Q, E, X], 3, "code where only"),
    "a group of pads": ([T, A, A, A, A, P, Q, Q, Q, Q, E, X], 6, "audio_pad where only code"),
    "no end": ([T, A, A, A, A], 5, "stop where text or text_pad or end must follow"),
    "no end of the turn": ([T, A, A, A, A, E], 6, "stop where turn_end must follow"),
    "more after the end": ([T, A, A, A, A, E, X, T], 7, "text where only nothing may stand"),
    "speech after a short group": ([T, A, T, A, E, X], 3, "code where only text or end"),
    "a marker": ([T, A, "start"], 2, "other where only"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_with_its_position(case: str) -> None:
    names, position, words = WRONG[case]
    with pytest.raises(LayoutError, match=words) as caught:
        ta4().decode(as_ids(names))
    assert caught.value.position == position
    assert f"position {position}" in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        [T, A, E, X],
        [T, A, A, A, A, P, A, E, X],
        [T, A, A, A, Q, T, Q, Q, T, T, T, T, E, X],
        [T, A, A, T, T, E, X],
        [T, A, A, A, A, T, T, E, X],
    ],
)
def test_short_groups_are_read_and_refused_where_full_ones_are_asked_for(names: list[str]) -> None:
    layout = ta4()
    layout.validate(as_ids(names))
    with pytest.raises(LayoutError):
        layout.validate(as_ids(names), full_groups=True)


def test_what_a_malformed_rollout_said_can_still_be_had() -> None:
    layout = ta4()
    ids = as_ids([T, A, T, A, Q, A, E, X, A, T])
    with pytest.raises(LayoutError):
        layout.decode(ids)
    assert layout.extract(ids) == Speech((65, 65), (3, 3, 3))  # nothing from behind the end


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (Turn("human", "x", (1,)), r"turn 1 \(human\) has codes: only the assistant"),
        (Turn("human", "x <|EOT|>"), r"turn 1 \(human\).*special token"),
        (Turn("assistant", "x", (99,)), "code 99 at position 0"),
        (Turn("assistant", "", (1,)), "no text"),
    ],
)
def test_a_bad_turn_is_named(turn: Turn, words: str) -> None:
    with pytest.raises(LayoutError, match=words):
        ta4().prompt([Turn("system", "s"), turn])


@pytest.mark.parametrize(("text", "speech"), [("", [1]), ("a", [])])
def test_an_empty_target_is_refused(text: str, speech: list[int]) -> None:
    with pytest.raises(LayoutError, match="has no (text|codes)"):
        ta4().encode([], text, speech)


def test_a_vocabulary_without_pads_is_refused() -> None:
    with pytest.raises(VocabError, match="needs the token start"):
        Ta4Layout(SpeechVocab(14, 10, 3, 13), ta4().tokenizer)


def as_ids(names: list[str]) -> list[int]:
    vocab = ta4().vocab
    known = {T: 65, A: vocab.first_code_id + 3}
    return [known[one] if one in known else getattr(vocab, f"{one}_id") for one in names]
