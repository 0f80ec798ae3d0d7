"""WER, CER and pinyin WER against jiwer's own rates, and worked by hand."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.metrics.error_rates import Edits, characters, error_rate, pinyin, words
from trainer.text_normal import normalise

SENTENCE = st.lists(st.sampled_from("i we you see go the dog dogs a".split()), min_size=1).map(
    " ".join
)
# Characters that are read one way in every phrase, some of them alike.
ONE_READING = st.text(st.sampled_from("我你在再走妈马友又"), min_size=1, max_size=12)
CHINESE = st.text(st.sampled_from("我你他她在再那哪走了吗"), min_size=1, max_size=12)


@given(st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=6))
def test_word_error_rate_of_a_set_is_jiwers(pairs: list[tuple[str, str]]) -> None:
    said, heard = [one for one, _ in pairs], [other for _, other in pairs]
    found = error_rate(said, heard, words)
    assert found.value == pytest.approx(100 * jiwer.wer(said, heard))
    assert found.count == len(pairs)


@given(st.lists(st.tuples(CHINESE, CHINESE), min_size=1, max_size=6))
def test_character_error_rate_of_a_set_is_jiwers(pairs: list[tuple[str, str]]) -> None:
    said, heard = [one for one, _ in pairs], [other for _, other in pairs]
    found = error_rate(said, heard, characters)
    assert found.value == pytest.approx(
        100 * jiwer.cer([normalise(one) for one in said], [normalise(one) for one in heard])
    )


@given(ONE_READING, ONE_READING)
def test_pinyin_is_never_worse_than_characters(said: str, heard: str) -> None:
    assert pinyin(said, heard).wrong <= characters(said, heard).wrong


def test_a_set_is_not_the_mean_of_its_lines() -> None:
    # By hand: 1 wrong of 1 word and 0 of 9; 10 % of all words, 50 % as a mean of lines.
    said = ["yes", "one two three four five six seven eight nine"]
    assert error_rate(said, ["no", said[1]], words).value == pytest.approx(10.0)


def test_worked_by_hand() -> None:
    # Substitution (goes -> went), deletion (there), insertion (now now).
    assert words("who goes over there", "who went over now now").wrong == 3
    # 在 and 再 are both `zai`, 那 and 哪 both `na`: the sounds are right, the characters are not.
    assert characters("在那", "再哪") == Edits(2, 2)
    assert pinyin("在那", "再哪") == Edits(0, 2)
    # Tones do not count: 妈 ma1, 马 ma3. Initials do: 是 shi, 四 si.
    assert pinyin("妈是", "马四") == Edits(1, 2)
    # A reading follows its phrase: 行 is `hang` in 银行, `xing` in 行走.
    assert pinyin("银行", "银航") == Edits(0, 2)
    assert pinyin("行走", "航走") == Edits(1, 2)
    assert pinyin("了", "了了") == Edits(2, 1)  # `le` alone, `liao liao` together
    # What is not Chinese counts by words.
    assert pinyin("打开 wifi 吧", "打开 why fi 吧") == Edits(2, 4)


def test_both_sides_are_normalised() -> None:
    assert error_rate(["Don't go!"], ["dont GO"], words).value == 0.0
    assert error_rate(["[Breathing] 我們走吧"], ["我们，走吧。"], characters).value == 0.0


def test_silence_is_all_deletions_and_no_answer_is_left_out() -> None:
    found = error_rate(["one two", "three four"], ["", None], words)
    assert (found.value, found.count, found.left_out) == (100.0, 1, 1)
    assert error_rate(["one"], [None], words).value is None


def test_more_than_was_said_is_over_100() -> None:
    assert error_rate(["no"], ["no no no"], words).value == 200.0


def test_text_with_nothing_to_say_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing is left of"):
        error_rate(["[Laughing]"], ["ha"], characters)
