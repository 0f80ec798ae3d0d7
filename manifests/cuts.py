"""One annotated utterance -> one Lhotse cut with its recording and one supervision.

``supervision.custom`` has the keys below. Lhotse drops what is None when it writes a manifest, so
that a key is there exactly when the utterance has it: read the optional ones with ``.get``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from manifests.audio import AudioLength
from manifests.keys import cut_key

if TYPE_CHECKING:
    from lhotse import MonoCut

# Always there.
REQUIRED = (
    "instruction",  # style description in natural language, or the default one
    "instruction_default",  # True where the default instruction was used (FlexiVoice 3.1)
    "source",  # corpus, as in params.yaml
    "source_id",  # recording the utterance was cut from
    "licence",
    "lineage",
)
# There where the instruction was written by a chat model.
REQUIRED_WITH_INSTRUCTION = (
    "value",  # information value
    "prompt_name",
    "prompt_sha256",
    "chat_model",
    "reply_sha256",
)
# There where the corpus has them.
OPTIONAL = (
    "instruction_language",
    "personality",
    "speaking_style",
    "character",
    "game",
    "dnsmos",
    "title",
    "tags",
)
# Of ``lineage``, in order: the columns of Utterance, and the hash of the encoded audio.
LINEAGE = ("audio_uri", "audio_container", "audio_member", "audio_offset", "audio_size")
AUDIO_SHA256 = "audio_sha256"


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


def _custom(row: Mapping[str, object], audio: bytes, default_instruction: str) -> dict[str, object]:
    instruction = row["instruction"]
    lineage = {name: row[name] for name in LINEAGE}
    lineage[AUDIO_SHA256] = hashlib.sha256(audio).hexdigest()
    known: dict[str, object] = {
        "instruction": default_instruction if instruction is None else instruction,
        "instruction_default": instruction is None,
        "source": row["source"],
        "source_id": row["source_id"],
        "licence": row["licence"],
        "lineage": {name: value for name, value in lineage.items() if value is not None},
    }
    for name in (*REQUIRED_WITH_INSTRUCTION, *OPTIONAL):
        value = row[name]
        if isinstance(value, tuple):  # tags
            value = list(value)
        if value is not None and value != []:
            known[name] = value
    return known
