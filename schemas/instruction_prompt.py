"""The instruction prompt: how something is to be said, and what; nobody has said it yet."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from schemas.arrow import column


class PromptOrigin(enum.StrEnum):
    """Where an instruction of the S3 set comes from (FlexiVoice A.4, Complex Instruction)."""

    SAMPLED = "sampled"  # an utterance of the pre-training data, with its text
    DICTIONARY = "dictionary"  # generated: acoustic features in dictionary form
    FEATURES = "features"  # generated: natural language with a given number of features
    FREE = "free"  # generated: for any scenario, as people write


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionPrompt:
    """An instruction and a text without speech: what GRPO is prompted with in S3."""

    id: str = column("unique in the set; of the language, the origin and the content alone")
    source: str = column("the set's own name: s3")
    language: str = column("ISO 639-1 code of the text and of a generated instruction")
    instruction: str = column("how the text is to be spoken")
    text: str = column("what is to be spoken")
    origin: str = column("sampled | dictionary | features | free")
    attributes: tuple[str, ...] = column(
        "acoustic attributes that a generated instruction names, in the order of FlexiVoice 5.1; "
        "empty for the other origins"
    )
    utterance_source: str | None = column("sampled only: source in params.yaml of the utterance")
    utterance_id: str | None = column("sampled only: the utterance's id")
    licence: str | None = column("sampled only: licence of the source; a generated row has none")
    prompt_name: str | None = column("generated only: prompt name and version, as in prompts/")
    prompt_sha256: str | None = column("generated only: hash of the prompt file")
    chat_model: str | None = column("generated only: model that the reply names")
    reply_sha256: str | None = column("generated only: hash of the raw reply, in the journal")
