"""How the S3 set of instructions is made, as ``params.yaml`` has it (FlexiVoice A.4)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipelines.stages.settings import Count, Share, Strict

Names = Annotated[list[str], Field(min_length=1)]
Number = Annotated[int, Field(ge=0)]
Attributes = Annotated[int, Field(ge=1, le=12)]  # of the twelve of FlexiVoice 5.1


class InstructionCounts(Strict):
    """Rows of each language."""

    sampled: Number  # utterances of the pre-training data
    dictionary: Number  # generated: acoustic features in dictionary form
    features: dict[Attributes, Number]  # generated: explicit acoustic features -> rows
    free: Number  # generated: for any scenario

    @property
    def total(self) -> int:
        """Rows of one language."""
        return self.sampled + self.dictionary + sum(self.features.values()) + self.free


class InstructionPromptVersions(Strict):
    """Which version of each prompt is used."""

    s3_dictionary: str
    s3_features: str
    s3_free: str


class InstructionAsking(Strict):
    """What one chat backend is asked for, and how."""

    languages: Names  # ISO 639-1 codes that instructions and texts are written in
    counts: InstructionCounts
    prompts: InstructionPromptVersions
    items_per_call: Count  # instructions asked for at once; a small model writes one
    max_tokens: Count  # of a reply
    temperature: Annotated[float, Field(ge=0.0, le=2.0)]

    @field_validator("languages")
    @classmethod
    def _languages_once(cls, languages: list[str]) -> list[str]:
        if len(set(languages)) < len(languages):
            raise ValueError("a language is there twice")
        return languages


class InstructionSetSettings(Strict):
    """S3: instructions with a text each, sampled and generated (FlexiVoice 3.2.3, A.4)."""

    kind: Literal["instructions"]
    sources: Names  # annotated ones, whose rows are sampled
    seed: int  # of every draw
    openai: InstructionAsking
    embedded: InstructionAsking
    dictionary_attributes: Attributes  # a dictionary has at least so many
    surplus: Annotated[float, Field(ge=0.0, le=1.0)]  # asked for beyond what is missing, a share
    max_rounds: Count  # of asking for what is missing
    min_usable_share: Share  # of a reply's items, or the model is told what is wrong with them
    shingle_characters: Count  # see pipelines.stages.near_duplicates
    similar_share: Annotated[float, Field(gt=0.0, le=1.0)]  # of shingles in common: too similar
    min_script_share: Share  # of letters that must belong to the language's script
    max_instruction_characters: Count
    max_text_characters: Count

    def asking(self, backend: Literal["openai", "embedded"]) -> InstructionAsking:
        """What a chat backend is asked for."""
        return self.openai if backend == "openai" else self.embedded
