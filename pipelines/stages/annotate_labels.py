"""Labelled utterances -> utterances with an instruction made of their labels (FlexiVoice A.2).

Rejects utterances about whose combination of labels no valid reply came (``dead_letter``). Those
for which there is nothing to say pass without an instruction, counted by why, and will get the
default one. Uses neither network nor GPU: what the chat model wrote is there before the parts are.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import files
from pipelines.errors import StageFailed, UsageError
from pipelines.stage import Block, TableStage, location_of
from pipelines.stages.label_instructions import Given, InstructionRule, NoReply, Nothing
from schemas import AnnotatedUtterance, Reason, Rejection, Utterance, arrow_schema

WRITTEN = "label_instructions.json"  # in the stage's folder: what was written for combinations
_LOOKED_AT = (
    *("id", "language", "labels", "description"),
    *("duration", "audio_uri", "audio_member", "audio_offset"),  # for rejections
)
_GIVEN = tuple(field.name for field in dataclasses.fields(Given))
_SCHEMA = arrow_schema(AnnotatedUtterance)
_ADDED = pa.schema([field for field in _SCHEMA if field.name not in arrow_schema(Utterance).names])


class AnnotateLabelsStage(TableStage):
    """Part -> the same utterances, with what the rule gives them."""

    name = "annotate"
    record_type = AnnotatedUtterance
    output_patterns = ("part-*.parquet", WRITTEN)

    def __init__(
        self,
        source: str,
        rule: InstructionRule,
        *,
        prompts: Mapping[str, str],
        backend: str | None = None,
        limit: int | None = None,
    ) -> None:
        """Takes the rule.

        Args:
            source: name in params.yaml.
            rule: gives the instructions.
            prompts: label -> hash of the prompt or templates that they are made with.
            backend: the chat backend and model that wrote them; None where none did.
            limit: rows of each part, at most.
        """
        super().__init__(source)
        self.limit = limit
        self._rule, self._prompts, self._backend = rule, dict(prompts), backend

    @property
    def backend(self) -> str | None:
        """The chat backend and its model."""
        return self._backend

    @property
    def prompts(self) -> dict[str, str]:
        """The hashes of prompt or templates."""
        return self._prompts

    def transform(self, chunk: pa.Table) -> Block:
        """Gives every row of the chunk its instruction; the other columns are not looked at.

        Raises:
            StageFailed: a row's combination of labels was not surveyed.
        """
        kept, added, rejections = list[int](), list[dict[str, str | None]](), list[Rejection]()
        counts: Counter[str] = Counter()
        for index, row in enumerate(chunk.select(_LOOKED_AT).to_pylist()):
            found = self._given(row)
            if isinstance(found, NoReply):
                rejections.append(_dead(row, found))
                continue
            kept.append(index)
            if isinstance(found, Nothing):
                counts[f"no_instruction.{found.why}"] += 1
                added.append({})
            else:
                counts[f"instruction.{found.instruction_language or 'as_shipped'}"] += 1
                added.append({name: getattr(found, name) for name in _GIVEN})
        rows = chunk.take(pa.array(kept, pa.int64()))
        made = pa.Table.from_pylist(added, schema=_ADDED)
        columns = [(made if name in _ADDED.names else rows).column(name) for name in _SCHEMA.names]
        return Block(
            rows=pa.Table.from_arrays(columns, schema=_SCHEMA), rejections=rejections, counts=counts
        )

    def _given(self, row: Mapping[str, Any]) -> Given | Nothing | NoReply:
        try:
            return self._rule(row)
        except KeyError as error:
            raise StageFailed(
                f"{location_of(row)}: {row['id']}: labels {error} were not there when the parts "
                "were surveyed: they changed since; run the same command again"
            ) from error


def check_columns(parts: Sequence[str], made_by: str) -> None:
    """Finds parts of something else before any work; that they are Parquet was seen before.

    Raises:
        UsageError: a part is not of utterances as ingest writes them.
    """
    for part in parts:
        with files.open_read(part) as stream:
            absent = set(arrow_schema(Utterance).names) - set(pq.read_schema(stream).names)
        if absent:
            names = ", ".join(sorted(absent))
            raise UsageError(f"{part}: columns are missing: {names}; run {made_by} again")


def _dead(row: Mapping[str, Any], letter: NoReply) -> Rejection:
    return Rejection(
        record_id=row["id"],
        stage=AnnotateLabelsStage.name,
        reason=Reason.DEAD_LETTER,
        detail=letter.detail,
        location=location_of(row),
        duration=row["duration"],
    )
