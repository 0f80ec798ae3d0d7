"""What composing a set has to know of every utterance of a corpus: a few columns, no audio."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.errors import UsageError
from pipelines.stage import read_part

COLUMNS = ("id", "source", "speaker", "language", "text", "labels")
EMOTION = "emotion"  # the label's name


@dataclass(frozen=True, slots=True)
class Candidate:
    """One utterance that a set may be made of."""

    id: str
    source: str
    speaker: str  # unique within the source
    language: str
    sentence: str  # :func:`sentence_key` of the text
    emotion: str | None  # None: not labelled, or with several

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all other utterances: source and id."""
        return self.source, self.id


def survey(parts: Sequence[str]) -> list[Candidate]:
    """Every utterance of the parts, sorted by source and id.

    Raises:
        UsageError: a part lacks a column that is needed: it is of another stage.
        StageFailed: a part is damaged.
    """
    found = [candidate for part in parts for candidate in _read(part)]
    return sorted(found, key=lambda one: one.key)


def _read(part: str) -> Iterator[Candidate]:
    for chunk in read_part(part, columns=COLUMNS):
        absent = set(COLUMNS) - set(chunk.column_names)
        if absent:
            raise UsageError(
                f"{part}: no utterances with labels, columns are missing: "
                f"{', '.join(sorted(absent))}; run the stage that wrote it again"
            )
        yield from candidates_of(chunk)


def candidates_of(rows: pa.Table) -> Iterator[Candidate]:
    """The candidates that rows of a part are, in order."""
    for row in rows.select(list(COLUMNS)).to_pylist():
        yield Candidate(
            id=row["id"],
            source=row["source"],
            speaker=row["speaker"],
            language=row["language"],
            sentence=sentence_key(row["text"]),
            emotion=emotion_of(row["labels"]),
        )


def emotion_of(labels: Sequence[dict[str, Any]]) -> str | None:
    """The emotion that the labels name; None where they name none, or several.

    >>> emotion_of([{"name": "emotion", "value": "sad"}, {"name": "gender", "value": "male"}])
    'sad'
    """
    found = {label["value"] for label in labels if label["name"] == EMOTION}
    return found.pop() if len(found) == 1 else None


def sentence_key(text: str) -> str:
    """What two writings of one sentence have in common: its letters and digits.

    A corpus's transcripts of one sentence differ in case, width, punctuation and blanks: ESD ends
    some takes of a sentence with a full stop and others not.

    >>> sentence_key("Waiting for me?  Man.") == sentence_key("waiting for me man")
    True
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(letter for letter in plain if letter.isalnum())
    return kept or plain.strip()
