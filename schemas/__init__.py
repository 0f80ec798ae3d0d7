"""The records that stages exchange, as frozen dataclasses with one Arrow schema each.

This package imports nothing of the project. A record's fields carry their own documentation
(unit, frame of reference, when None), which travels into the Parquet files as field metadata.
"""

from schemas.arrow import arrow_schema, column, record_of, table_of
from schemas.episode import CharacterProfile, Episode, EpisodeScene, Scene, Sentence, SpeechTurn
from schemas.facts import PartFacts, StageFacts
from schemas.instruction_prompt import InstructionPrompt, PromptOrigin
from schemas.rejection import Reason, Rejection
from schemas.training_set import PromptUtterance
from schemas.utterance import AnnotatedUtterance, Label, Utterance, Value

__all__ = [
    "AnnotatedUtterance",
    "CharacterProfile",
    "Episode",
    "EpisodeScene",
    "InstructionPrompt",
    "Label",
    "PartFacts",
    "PromptOrigin",
    "PromptUtterance",
    "Reason",
    "Rejection",
    "Scene",
    "Sentence",
    "SpeechTurn",
    "StageFacts",
    "Utterance",
    "Value",
    "arrow_schema",
    "column",
    "record_of",
    "table_of",
]
