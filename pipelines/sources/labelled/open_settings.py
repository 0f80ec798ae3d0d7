"""Settings of corpora whose layout is not confirmed: everything about it can be set.

Two ways to read such a corpus. Where its folder has tables that match ``tables``, a row of a table
is a clip, and ``columns`` says what its columns are. Otherwise every clip found in the folder is
one, and ``path`` says what its path tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import field_validator

from pipelines.sources.labelled.settings import (
    EMOTIONS,
    EMOTIONS_ZH,
    GENDERS,
    LANGUAGES,
    InstructionRule,
    LabelledSettings,
)

_ALL_EMOTIONS = EMOTIONS | EMOTIONS_ZH


class OpenSettings(LabelledSettings):
    """What can be set of a layout.

    Fields are id, audio, text, speaker, language, description, recording and those in ``labels``.
    """

    # Field -> the columns that may have it, in order of preference.
    COLUMNS: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # Field -> what it is where neither a column nor the path has it.
    CONSTANTS: ClassVar[Mapping[str, str]] = {}

    # Globs below an input folder, at most two folders deep: csv, tsv, json, jsonl or parquet.
    tables: tuple[str, ...] = ()
    # Between the columns of a csv; None: a tab in .tsv and .txt, else a comma.
    delimiter: str | None = None
    # Field -> column names, before COLUMNS.
    columns: dict[str, tuple[str, ...]] = {}
    # Field -> value, before CONSTANTS.
    constants: dict[str, str] = {}
    # Which fields are labels. One that has a table in `words` may only have the words there.
    labels: tuple[str, ...] = ("emotion",)
    # Folder of the clips, seen from a table's own.
    audio_folder: str = "."
    # Regular expression with named groups (fields), searched in a clip's path.
    path: str | None = None
    # Suffix of a text file beside each clip: its transcript. Of .json: an object whose fields
    # `columns` names. Either goes before what the path tells.
    text_suffix: str | None = None
    # Tables of transcripts, `key <tab> text`, for clips whose row or folder has none.
    sentences: tuple[str, ...] = ()
    # What the key is made of, from the fields as the corpus writes them.
    sentence_key: str = "{id}"

    @field_validator("path")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def columns_of(self, field: str) -> tuple[str, ...]:
        """The columns that may have a field, in order of preference."""
        return self.columns.get(field) or self.COLUMNS.get(field, ())


class NcssdSettings(OpenSettings):
    """NCSSD (Liu et al., 2024): dialogue. S2 of FlexiVoice takes its recorded half, R-*."""

    LANGUAGES: ClassVar[Mapping[str, str]] = LANGUAGES

    kind: Literal["ncssd"]
    licence: str = "LicenseRef-NCSSD-research"
    instructions: InstructionRule = "none"  # FlexiVoice A.4: only its texts are used
    labels: tuple[str, ...] = ()
    path: str | None = (
        r"(?P<recording>[RC]-(?P<language>ZH|EN)/(?:[^/]+/)*[^/]+)/[^/]*_(?P<speaker>[^_/]+)\.\w+$"
    )
    text_suffix: str | None = ".txt"


class MeadSettings(OpenSettings):
    """MEAD (Wang et al., 2020): acted emotion in three levels, English."""

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "emotion": EMOTIONS,
        "intensity": {"1": "low", "2": "medium", "3": "high"},
        "gender": GENDERS,
    }
    CONSTANTS: ClassVar[Mapping[str, str]] = {"language": "en"}

    kind: Literal["mead"]
    licence: str = "LicenseRef-MEAD-research"
    labels: tuple[str, ...] = ("emotion", "intensity", "gender")
    path: str | None = (
        r"(?P<speaker>(?P<gender>[MW])\d+)/(?:audio/)?(?P<emotion>[a-z]+)"
        r"/level_(?P<intensity>\d)/(?P<number>\d+)\.\w+$"
    )
    sentence_key: str = "{emotion}/{number}"


class CsemotionsSettings(OpenSettings):
    """CSEMOTIONS (Tian et al., 2025): acted emotion, Chinese."""

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "emotion": _ALL_EMOTIONS | {"playfulness": "playful"},
        "gender": GENDERS,
    }
    COLUMNS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("prompt_id", "id"),
        "audio": ("audio", "file_name", "path"),
        "text": ("text", "transcript"),
        "speaker": ("speaker", "speaker_id"),
        "emotion": ("emotion",),
        "gender": ("gender",),
    }
    CONSTANTS: ClassVar[Mapping[str, str]] = {"language": "zh"}

    kind: Literal["csemotions"]
    licence: str = "Apache-2.0"
    tables: tuple[str, ...] = ("*.parquet", "metadata.csv", "metadata.jsonl")
    labels: tuple[str, ...] = ("emotion", "gender")


class EmnsSettings(OpenSettings):
    """EMNS (Noriy et al., 2023): one narrator, British English, with descriptions."""

    WORDS: ClassVar[Mapping[str, Mapping[str, str]]] = {"emotion": EMOTIONS, "gender": GENDERS}
    COLUMNS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "id": ("id",),
        "audio": ("audio_recording", "file_name", "name"),
        "text": ("utterance", "text"),
        "speaker": ("user_id", "speaker"),
        "emotion": ("emotion",),
        "gender": ("gender",),
        "age": ("age",),
        "description": ("description",),
    }
    CONSTANTS: ClassVar[Mapping[str, str]] = {"language": "en"}

    kind: Literal["emns"]
    licence: str = "Apache-2.0"
    tables: tuple[str, ...] = ("metadata.csv",)
    delimiter: str | None = "|"
    labels: tuple[str, ...] = ("emotion", "gender", "age")
