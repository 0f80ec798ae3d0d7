"""The prompt utterance: one row of a composed training set, with the rows it points to by id.

FlexiVoice's post-training sets (S1 preference pairs, S2 decoupling, S3 instructions) are made of
utterances of other sources: what is composed is who is set beside whom, and what is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.arrow import column
from schemas.utterance import AnnotatedUtterance


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptUtterance(AnnotatedUtterance):
    """An utterance of a training set: a prompt to train on, or a row that prompts point to."""

    training_set: str = column("the set the row stands in: s1 | s2 | s3")
    rejected_id: str | None = column(
        "id of the row to be preferred less: same speaker and sentence, another emotion; s1 only",
        default=None,
    )
    reference_id: str | None = column(
        "id of the row whose speech is the voice reference; None where the row is no prompt or "
        "the prompt has no reference",
        default=None,
    )
    text_emotion: str | None = column(
        "emotion that the text itself speaks of, as its source labels it; None where unknown",
        default=None,
    )
    origin: str | None = column(
        "where the prompt's text or instruction comes from: a source's name, or the name of what "
        "generated it; None where the row's own source says it",
        default=None,
    )
