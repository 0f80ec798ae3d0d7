"""compose: utterances -> those of a training set, each with what a plan gives it.

A set is planned over the whole corpus at once, on a few columns
(:mod:`pipelines.stages.candidates`); then the parts are passed over as by any other stage, and each
row takes what the plan has for it. What a row gets depends on its id and on what else the corpus
holds, never on where it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines import files
from pipelines.errors import StageFailed
from pipelines.stage import Block, TableStage, location_of
from pipelines.stages.candidates import EMOTION
from prompts import Templates
from schemas import PromptUtterance, Reason, Rejection, arrow_schema

Key = tuple[str, str]  # source, id
_GIVEN = (  # columns of a plan that a row takes: the fields of Place
    *("emotion", "instruction", "instruction_language", "rejected_id", "reference_id"),
    *("text_emotion", "counts"),
)
_PLAN = pa.schema(
    [(name, pa.string()) for name in ("source", "id", "reason", "detail", *_GIVEN[:-1])]
    + [("counts", pa.list_(pa.string()))]
)
_LOCATION = ("id", "source", "duration", "audio_uri", "audio_member", "audio_offset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an utterance is in a set."""

    emotion: str | None = None  # to be spoken with; None: as its labels say
    instruction: str | None = None  # None: a row that prompts point to, and no prompt itself
    instruction_language: str | None = None
    rejected_id: str | None = None
    reference_id: str | None = None
    text_emotion: str | None = None
    counts: tuple[str, ...] = ()  # what it counts as in stage.json


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What becomes of every utterance of the corpus that a set is made of."""

    places: Mapping[Key, Place]
    refused: Mapping[Key, tuple[Reason, str]]  # why, and what exactly was found
    templates: Templates  # that the instructions are made of

    def write(self, path: str) -> None:
        """Leaves it where workers find it: Beam copies what a stage holds dozens of times."""
        rows = [
            {"source": key[0], "id": key[1]} | {name: getattr(place, name) for name in _GIVEN}
            for key, place in self.places.items()
        ]
        rows += [
            {"source": key[0], "id": key[1], "reason": reason.value, "detail": detail, "counts": []}
            for key, (reason, detail) in self.refused.items()
        ]
        with files.atomic_write(path) as stream:
            pq.write_table(pa.Table.from_pylist(rows, schema=_PLAN), stream)


class ComposeStage(TableStage):
    """Utterance or AnnotatedUtterance -> PromptUtterance.

    Rejects what the plan refuses: ``label_not_wanted``, ``language_not_wanted``,
    ``partner_missing``, ``not_needed`` and ``duplicate_id``. Uses neither network nor GPU.
    """

    name = "compose"
    record_type = PromptUtterance

    def __init__(self, name: str, plan: str, templates: Templates) -> None:
        """Takes the set's name in params.yaml, and where its plan was written."""
        super().__init__(name)
        self._path = plan
        self._templates = templates

    @property
    def prompts(self) -> dict[str, str]:
        """The templates that instructions are made of."""
        return {self._templates.label: self._templates.sha256}

    def setup(self) -> None:
        """Reads the plan."""
        with files.open_read(self._path) as stream:
            self._plan = pq.read_table(stream, schema=_PLAN)
        keys = zip(*(self._plan.column(name).to_pylist() for name in ("source", "id")), strict=True)
        self._row_of = {key: row for row, key in enumerate(keys)}

    def transform(self, chunk: pa.Table) -> Block:
        """Gives every row of the chunk its place, or rejects it.

        Raises:
            StageFailed: the plan does not know a row, or the chunk is of no utterances.
        """
        located = _located(chunk)
        planned = self._plan.take(pa.array([self._planned(row) for row in located], pa.int64()))
        is_kept = planned.column("reason").is_null()
        given = planned.filter(is_kept)
        gone = planned.filter(pc.invert(is_kept)).select(["reason", "detail"]).to_pylist()
        lost = [row for row, stays in zip(located, is_kept.to_pylist(), strict=True) if not stays]
        counts = pc.list_flatten(given.column("counts")).value_counts().to_pylist()
        return Block(
            rows=self._placed(chunk.filter(is_kept), given),
            rejections=[
                Rejection(
                    record_id=row["id"],
                    stage=self.name,
                    reason=Reason(why["reason"]),
                    detail=why["detail"],
                    location=location_of(row),
                    duration=row["duration"],
                )
                for row, why in zip(lost, gone, strict=True)
            ],
            counts=Counter({entry["values"]: entry["counts"] for entry in counts}),
        )

    def _planned(self, row: Mapping[str, Any]) -> int:
        found = self._row_of.get((row["source"], row["id"]))
        if found is None:
            raise StageFailed(
                f"{row['source']}: {row['id']} was not there when {self.source} was planned; the "
                "input changed meanwhile, run compose again"
            )
        return found

    def _placed(self, rows: pa.Table, given: pa.Table) -> pa.Table:
        prompts = given.column("instruction").is_valid()
        new: dict[str, Any] = {
            name: given.column(name) for name in _GIVEN if name not in ("emotion", "counts")
        }
        new["labels"] = _labels(rows, given.column("emotion").to_pylist())
        new["prompt_name"] = pc.if_else(prompts, self._templates.label, None)
        new["prompt_sha256"] = pc.if_else(prompts, self._templates.sha256, None)
        new["training_set"] = [self.source] * rows.num_rows
        # What a chat model or templates wrote before is gone with the instruction it is about.
        for name in ("value", "personality", "speaking_style", "chat_model", "reply_sha256"):
            new[name] = pa.nulls(rows.num_rows, pa.string())
        columns = []
        for one in arrow_schema(PromptUtterance):
            if one.name in new:
                made = new[one.name]
                columns.append(pa.array(made, one.type) if isinstance(made, list) else made)
            elif one.name in rows.column_names:
                columns.append(rows.column(one.name).cast(one.type))
            else:
                columns.append(pa.nulls(rows.num_rows, one.type))
        return pa.table(columns, schema=arrow_schema(PromptUtterance))


def _located(chunk: pa.Table) -> list[dict[str, Any]]:
    absent = {
        one.name
        for one in arrow_schema(PromptUtterance)
        if not one.nullable and one.name != "training_set"
    } - set(chunk.column_names)
    if absent:
        raise StageFailed(
            f"not a part of utterances, columns are missing: {', '.join(sorted(absent))}; run the "
            "stage that wrote it again"
        )
    rows: list[dict[str, Any]] = chunk.select(list(_LOCATION)).to_pylist()
    return rows


def _labels(rows: pa.Table, emotions: list[str | None]) -> list[list[dict[str, str]]]:
    """The labels, with the emotion to be spoken with in place of what the source says."""
    made = []
    for labels, emotion in zip(rows.column("labels").to_pylist(), emotions, strict=True):
        if emotion is not None:
            others = [label for label in labels if label["name"] != EMOTION]
            labels = [*others, {"name": EMOTION, "value": emotion}]
        made.append(sorted(labels, key=lambda label: (label["name"], label["value"])))
    return made
