"""WER, CER and pinyin WER: what an ASR heard against what was to be said.

FlexiVoice 5.1 has WER for English and CER for Chinese, MCLP 6.1 CER and pinyin WER. All three are
edits (substitutions, deletions and insertions, counted by jiwer) over what was to be said, both
sides normalised by `trainer.text_normal`; they differ in what is counted: words, characters, or
syllables in pinyin without tones. The last forgives characters that sound alike.

A rate is over the whole set: all edits by all reference words, as is usual, and not the mean of the
utterances' rates, in which a wrong word of a short line weighs more. The papers do not say which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jiwer

from trainer.metrics.figure import Figure, no_figure
from trainer.metrics.pinyin import syllables
from trainer.text_normal import normalise


@dataclass(frozen=True, slots=True)
class Edits:
    """What has to be changed in what was heard."""

    wrong: int  # substitutions, deletions and insertions
    said: int  # words, characters or syllables that were to be said; at least 1

    @property
    def rate(self) -> float:
        """Edits a word; over 1 where much was added."""
        return self.wrong / self.said


def words(said: str, heard: str) -> Edits:
    """Edits by words.

    Raises:
        ValueError: nothing is left of what was to be said.

    >>> words("Who goes there?", "who goes here")
    Edits(wrong=1, said=3)
    """
    return _edits(said, heard, str.split)


def characters(said: str, heard: str) -> Edits:
    """Edits by characters, spaces among them in languages that have them.

    Raises:
        ValueError: nothing is left of what was to be said.

    >>> characters("我們走吧！", "我们 走")
    Edits(wrong=1, said=4)
    """
    return _edits(said, heard, list)


def pinyin(said: str, heard: str) -> Edits:
    """Edits by syllables without tones; what is not Chinese counts by words.

    Raises:
        ValueError: nothing is left of what was to be said.

    >>> pinyin("他在那儿", "她再哪儿"), characters("他在那儿", "她再哪儿")
    (Edits(wrong=0, said=4), Edits(wrong=3, said=4))
    """
    return _edits(said, heard, syllables)


def error_rate(
    said: Sequence[str], heard: Sequence[str | None], by: Callable[[str, str], Edits]
) -> Figure:
    """The rate over a set, in per cent.

    Args:
        said: what was to be said.
        heard: what the ASR wrote, empty where it heard nothing, which is all deletions; None where
            it gave no answer, which is left out and counted.
        by: :func:`words`, :func:`characters` or :func:`pinyin`.

    Raises:
        ValueError: nothing is left of a text when it is normalised; it cannot be in such a set.

    >>> error_rate(["who goes there", "I"], ["who goes here", ""], words).value
    50.0
    """
    found = [
        by(text, answer) for text, answer in zip(said, heard, strict=True) if answer is not None
    ]
    left_out = len(said) - len(found)
    if not found:
        return no_figure(f"none of {left_out} cases has a transcript", left_out)
    wrong, total = sum(one.wrong for one in found), sum(one.said for one in found)
    return Figure(100.0 * wrong / total, len(found), left_out)


def _edits(said: str, heard: str, units: Callable[[str], list[str]]) -> Edits:
    reference = units(normalise(said))
    if not reference:
        raise ValueError(f"nothing is left of {said!r} to compare with")
    hypothesis = units(normalise(heard))
    # jiwer splits at spaces only: every different unit becomes a character of its own.
    different = dict.fromkeys([*reference, *hypothesis])
    letters = {unit: chr(0xE000 + number) for number, unit in enumerate(different)}
    counted = jiwer.process_characters(_spelled(reference, letters), _spelled(hypothesis, letters))
    wrong = counted.substitutions + counted.deletions + counted.insertions
    return Edits(wrong, len(reference))


def _spelled(units: Sequence[str], letters: dict[str, str]) -> str:
    return "".join(letters[unit] for unit in units)
