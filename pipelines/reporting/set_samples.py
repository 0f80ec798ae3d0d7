"""A few rows of a training set to read and to hear, each with the recordings it points to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.reporting.samples import choose, emotion_of, first_rows
from pipelines.reporting.set_counts import WRITTEN
from pipelines.reporting.set_facts import SetSample, Voice
from pipelines.reporting.sound import SoundBudget
from pipelines.stage import read_part

PREFERRED, LESS_PREFERRED = "preferred", "less preferred"
REFERENCE, AS_RECORDED = "voice to speak with", "the text, as its source has it"
_HEARD = (  # columns of an utterance that is only listened to
    *("id", "source", "speaker", "text", "duration", "labels", "audio_uri", "audio_container"),
    *("audio_member", "audio_offset", "audio_size", "audio_format"),
)

Row = Mapping[str, Any]


def read_spoken(
    parts: Sequence[str], references: Sequence[str], budget: SoundBudget, number: int
) -> tuple[SetSample, ...]:
    """Rows of a set of utterances that are there to train on, with what they point to.

    Args:
        parts: of the set.
        references: parts that hold the voices, where the set itself does not.
        budget: of sound.
        number: of rows, at most.
    """
    rows = [row for row in first_rows(parts) if row["instruction"] is not None]
    chosen = choose(rows, number, _spoken_marks)
    partners = find_rows(parts, {row["rejected_id"] for row in chosen})
    voices = find_rows(references or parts, {row["reference_id"] for row in chosen})
    return tuple(_spoken(row, partners, voices, budget) for row in chosen)


def read_unspoken(parts: Sequence[str], number: int) -> tuple[SetSample, ...]:
    """Rows of a set of instructions that nobody has spoken; at most ``number``."""
    return tuple(_unspoken(row) for row in choose(list(first_rows(parts)), number, _unspoken_marks))


def find_rows(parts: Sequence[str], ids: set[str | None]) -> dict[str, Row]:
    """Id -> its row, as far as there is one; the parts are read until all are found."""
    missing = {one for one in ids if one is not None}
    found: dict[str, Row] = {}
    for path in parts:
        if not missing:
            break
        for table in read_part(path, columns=_HEARD):
            wanted = pa.array(sorted(missing), pa.string())
            for row in table.filter(pc.is_in(table.column("id"), value_set=wanted)).to_pylist():
                found.setdefault(row["id"], row)
            missing -= found.keys()
    return found


def _spoken_marks(row: Row) -> tuple[object, ...]:
    emotion, own = emotion_of(row), row["text_emotion"]
    together = None if own is None else own == emotion
    return emotion, together, row["language"], row["source"], row["speaker"]


def _unspoken_marks(row: Row) -> tuple[object, ...]:
    origin = row["origin"], len(row["attributes"]), row["utterance_source"]
    return (*origin, row["language"])


def _spoken(
    row: Row, partners: Mapping[str, Row], voices: Mapping[str, Row], budget: SoundBudget
) -> SetSample:
    told = []
    heard = [_voice(PREFERRED if row["rejected_id"] else AS_RECORDED, row["id"], row, budget)]
    if row["rejected_id"]:
        other = partners.get(row["rejected_id"])
        heard.append(_voice(LESS_PREFERRED, row["rejected_id"], other, budget))
    else:
        told.append(("emotion of the text", row["text_emotion"] or "not known"))
    if row["reference_id"]:
        reference = voices.get(row["reference_id"])
        heard.append(_voice(REFERENCE, row["reference_id"], reference, budget))
    return SetSample(
        id=row["id"],
        source=row["source"],
        language=row["language"],
        instruction=row["instruction"],
        text=row["text"],
        emotion=emotion_of(row),
        told=tuple(told),
        voices=tuple(heard),
    )


def _voice(role: str, name: str, row: Row | None, budget: SoundBudget) -> Voice:
    if row is None:
        why = "its row was not found where params.yaml says that it is; compose the set again"
        return Voice(role=role, id=name, no_sound=why)
    sound, no_sound = budget.load(row)
    as_asked = role == AS_RECORDED  # its label is the emotion that is asked for
    return Voice(
        role=role,
        id=name,
        source=row["source"],
        speaker=row["speaker"],
        emotion=row["text_emotion"] if as_asked else emotion_of(row),
        text=row["text"],
        seconds=row["duration"],
        sound=sound,
        no_sound=no_sound,
    )


def _unspoken(row: Row) -> SetSample:
    told = [("kind", str(row["origin"]))]
    if row["attributes"]:
        told.append(("features", ", ".join(row["attributes"])))
    if row["utterance_id"]:
        told.append(("utterance", row["utterance_id"]))
    if row["chat_model"]:
        told.append(("written by", f"{row['chat_model']}, {row['prompt_name']}"))
    return SetSample(
        id=row["id"],
        source=row["utterance_source"] or WRITTEN,
        language=row["language"],
        instruction=row["instruction"],
        text=row["text"],
        emotion=None,
        told=tuple(told),
        voices=(),
    )
