"""One annotated utterance -> one Lhotse cut with its recording and one supervision.

``supervision.custom`` has the keys below. Lhotse drops what is None when it writes a manifest, so
that a key is there exactly when the utterance has it: read the optional ones with ``.get``.

``labels`` is an object, ``{"emotion": "happy", "scene": ["debate", "interview"]}``: a list where
the corpus gives one name several values. ``description`` is the shipped one, whatever the
instruction came to be.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from manifests.audio import AudioLength
from manifests.keys import cut_key

if TYPE_CHECKING:
    from lhotse import MonoCut

# Always there.
REQUIRED = (
    "instruction",  # style description in natural language, or the default one
    "instruction_default",  # True where the default instruction was used (FlexiVoice 3.1)
    "instruction_origin",  # one of InstructionOrigin
    "source",  # corpus, as in params.yaml
    "source_id",  # recording the utterance was cut from
    "licence",
    "lineage",
)


class InstructionOrigin(enum.StrEnum):
    """Who wrote an instruction; says what else must be known about it."""

    CHAT = "chat"  # a chat model, about this utterance (FlexiVoice 4.2)
    TUPLE = "tuple"  # a chat model, about all utterances with the same labels (FlexiVoice A.2)
    TEMPLATE = "template"  # a released file of templates, with a label filled in (FlexiVoice A.2)
    SHIPPED = "shipped"  # the corpus itself, in its description or its labels
    DEFAULT = "default"  # nobody: the default instruction


_PROMPT = ("prompt_name", "prompt_sha256")  # of templates: of their file
_REPLY = ("chat_model", "reply_sha256")
# There where the instruction is of this origin; ``value`` is the information value.
REQUIRED_BY_ORIGIN: Mapping[InstructionOrigin, tuple[str, ...]] = {
    InstructionOrigin.CHAT: ("value", *_PROMPT, *_REPLY),
    InstructionOrigin.TUPLE: (*_PROMPT, *_REPLY),
    InstructionOrigin.TEMPLATE: _PROMPT,
    InstructionOrigin.SHIPPED: (),
    InstructionOrigin.DEFAULT: (),
}
# There where the corpus has them.
OPTIONAL = (
    "description",
    "instruction_language",
    "personality",
    "speaking_style",
    "character",
    "game",
    "dnsmos",
    "title",
    "tags",
)
# There in composed training sets (schemas.PromptUtterance), where the row has them.
TRAINING_SET = ("training_set", "rejected_id", "reference_id", "text_emotion", "origin")
# Of ``lineage``, in order: the columns of Utterance, and the hash of the encoded audio.
LINEAGE = ("audio_uri", "audio_container", "audio_member", "audio_offset", "audio_size")
AUDIO_SHA256 = "audio_sha256"
REPACKED_SIZE = "repacked_size"  # bytes in the shard, where emit had to decode and pack it anew


def cut_of(
    row: Mapping[str, object], audio: bytes, length: AudioLength, default_instruction: str
) -> MonoCut:
    """The cut of a row of ``AnnotatedUtterance``.

    Its id is :func:`~manifests.keys.cut_key` of the utterance's id, which the supervision keeps.
    The supervision spans the whole cut; its duration is the decoded one, not the row's.

    Args:
        row: fields of ``AnnotatedUtterance``.
        audio: the encoded audio, for its hash; it goes into the shard, not into the cut.
        length: what the decoder says about it.
        default_instruction: for rows that have none; its rows say ``instruction_default``.

    Raises:
        ValueError: the id cannot name a cut.
    """
    from lhotse import AudioSource, MonoCut, Recording, SupervisionSegment

    key = cut_key(cast(str, row["id"]))
    channels = list(range(length.num_channels))
    recording = Recording(
        id=key,
        sources=[AudioSource(type="shar", channels=channels, source="")],
        sampling_rate=length.sample_rate_hz,
        num_samples=length.num_samples,
        duration=length.duration,
        channel_ids=channels,
    )
    supervision = SupervisionSegment(
        id=row["id"],
        recording_id=key,
        start=0.0,
        duration=length.duration,
        channel=0,
        text=row["text"],
        speaker=row["speaker"],
        language=row["language"],
        custom=_custom(row, audio, default_instruction),
    )
    return MonoCut(
        id=key,
        start=0.0,
        duration=length.duration,
        channel=0,
        supervisions=[supervision],
        recording=recording,
    )


def instruction_origin(row: Mapping[str, object]) -> InstructionOrigin:
    """Where a row's instruction comes from, as what it was made of says.

    >>> made = {"instruction": "Sad.", "prompt_sha256": "0" * 64}
    >>> instruction_origin({**made, "reply_sha256": None, "value": None}).value
    'template'
    """
    if row["instruction"] is None:
        return InstructionOrigin.DEFAULT
    if row["reply_sha256"] is not None:
        return InstructionOrigin.TUPLE if row["value"] is None else InstructionOrigin.CHAT
    if row["prompt_sha256"] is not None:
        return InstructionOrigin.TEMPLATE
    return InstructionOrigin.SHIPPED


def labels_object(labels: Sequence[Mapping[str, str]]) -> dict[str, str | list[str]]:
    """Labels as cuts have them: a list of values where a name comes again.

    >>> labels_object([{"name": "emotion", "value": "sad"}])
    {'emotion': 'sad'}
    >>> pair = [{"name": "emotion", "value": value} for value in ("happy", "surprised")]
    >>> labels_object(pair)
    {'emotion': ['happy', 'surprised']}
    """
    values: dict[str, list[str]] = {}
    for label in labels:
        values.setdefault(label["name"], []).append(label["value"])
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _custom(row: Mapping[str, object], audio: bytes, default_instruction: str) -> dict[str, object]:
    instruction = row["instruction"]
    lineage = {name: row[name] for name in LINEAGE}
    lineage[AUDIO_SHA256] = hashlib.sha256(audio).hexdigest()
    if row.get("shard_format") not in (None, row.get("audio_format")):
        lineage[REPACKED_SIZE] = len(audio)
    known: dict[str, object] = {
        "instruction": default_instruction if instruction is None else instruction,
        "instruction_default": instruction is None,
        "instruction_origin": instruction_origin(row).value,
        "source": row["source"],
        "source_id": row["source_id"],
        "licence": row["licence"],
        "lineage": {name: value for name, value in lineage.items() if value is not None},
    }
    for name in (*REQUIRED_BY_ORIGIN[InstructionOrigin.CHAT], *OPTIONAL, *TRAINING_SET):
        value = row.get(name)
        if isinstance(value, tuple):  # tags
            value = list(value)
        if value is not None and value != []:
            known[name] = value
    labels = labels_object(cast(Sequence[Mapping[str, str]], row["labels"]))
    if labels:
        known["labels"] = labels
    return known
