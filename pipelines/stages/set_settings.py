"""How each training set is composed, as ``params.yaml`` has it in ``sets``: one class a kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.stages.instruction_set_settings import InstructionSetSettings
from pipelines.stages.settings import Count, Share, Strict

Names = Annotated[list[str], Field(min_length=1)]
FromStage = Literal["ingest", "annotate", "select"]  # whose folder of a source is read


class _EmotionSet(Strict):
    """What sets share whose instructions name an emotion (FlexiVoice 3.2.1)."""

    seed: int  # of every draw
    stage: FromStage
    emotions: Names  # values of the label `emotion` that may be asked for
    templates: str  # version of prompts/emotion_templates
    # own: of the utterance, where the templates have it, else their first; any: drawn; or a code.
    instruction_language: str


class PreferencePairsSettings(_EmotionSet):
    """S1: chosen and rejected, of one speaker and one sentence (FlexiVoice 3.2.1, A.5)."""

    kind: Literal["preference_pairs"]
    sources: Names  # with labelled emotions, in which speakers say a sentence in several
    reference_emotion: str  # of the reference; of the same speaker, another sentence


class DecouplingSettings(_EmotionSet):
    """S2: texts of dialogues with an emotion drawn for each, and a reference (FlexiVoice A.4)."""

    kind: Literal["decoupling"]
    sources: Names  # of the texts
    reference_sources: Names  # of the references: the emotion set
    languages: Names  # ISO 639-1 codes, in equal numbers
    rows: Count  # at most, of all languages together
    aligned_share: Share  # of texts whose emotion is known: asked for in that very emotion
    neutral_emotion: str  # of plain references
    emotional: Names  # emotions of the others
    emotional_share: Share  # of references
    reference_language: Literal["any", "same"]  # as the text's

    @model_validator(mode="after")
    def _check(self) -> DecouplingSettings:
        if self.neutral_emotion in self.emotional:
            raise ValueError(f"{self.neutral_emotion!r} is neutral_emotion and in emotional too")
        if len(set(self.emotions)) < 2:
            raise ValueError("emotions: at least two, or no text can conflict with one")
        return self


SetSettings = Annotated[
    PreferencePairsSettings | DecouplingSettings | InstructionSetSettings,
    Field(discriminator="kind"),
]
