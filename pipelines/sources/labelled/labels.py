"""From a corpus's word for a label to ours; a word in no table is a refusal, never a guess."""

from __future__ import annotations

from pipelines.sources.base import Refusal
from pipelines.sources.labelled.settings import LabelledSettings
from schemas import Label, Reason


def label_of(settings: LabelledSettings, name: str, word: str) -> Label:
    """The label for the corpus's word.

    Args:
        settings: have the tables of words.
        name: of the label: emotion, gender, ...
        word: as the corpus writes it.

    Raises:
        Refusal: LABEL_UNKNOWN.

    >>> label_of(LabelledSettings(), "emotion", "Anger")
    Label(name='emotion', value='angry')
    """
    value = settings.word(name, word)
    if value is None:
        detail = f"{name} {word[:40]!r} is in no table; settings: words.{name}"
        raise Refusal(Reason.LABEL_UNKNOWN, detail)
    return Label(name, value)
