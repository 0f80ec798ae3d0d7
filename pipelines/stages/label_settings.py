"""Parameters of ``pipelines.annotate`` for labelled corpora, as ``params.yaml`` has them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipelines.stages.settings import Count, Strict


class LabelPromptVersions(Strict):
    """Which version of each prompt about labels is used."""

    attribute_instructions: str


class LabelQuestionSettings(Strict):
    """How one chat backend is asked about labels."""

    prompts: LabelPromptVersions
    languages: Annotated[list[str], Field(min_length=1)]  # ISO 639-1 codes to be written in
    per_language: Count  # instructions for each combination of labels
    max_tokens: Count  # of a reply


class AnnotateLabelsSettings(Strict):
    """How utterances of labelled corpora get their instruction; a source's ``instructions``.

    ``template_language`` is ``own`` (the utterance's where there are templates in it, else the
    file's first), ``any`` (drawn) or an ISO 639-1 code.
    """

    seed: int  # of what the paper draws at random
    templates: dict[str, str]  # folder in prompts/ -> version
    template_language: str
    openai: LabelQuestionSettings
    embedded: LabelQuestionSettings
