"""The stage: every row in is a row out or a rejection, and says where its instruction is from."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

import prompts
from manifests.cuts import InstructionOrigin, instruction_origin
from pipelines.errors import StageFailed
from pipelines.stages.annotate_labels import AnnotateLabelsStage
from pipelines.stages.label_instructions import (
    InstructionRule,
    NoReply,
    NoRule,
    ShippedRule,
    TemplateRule,
    TupleRule,
)
from pipelines.stages.label_replies import Written
from schemas import AnnotatedUtterance, Label, Reason, Utterance, arrow_schema, table_of
from tests.records import utterance

EMOTION = prompts.load_templates("emotion_templates", "v1")
MALE, FEMALE = (("gender", "male"),), (("gender", "female"),)


def chunk(*values: str | None, name: str = "gender") -> pa.Table:
    """Utterances with one label each, or none."""
    rows = [
        utterance(
            id=f"u{n}",
            labels=() if value is None else (Label(name, value),),
            description="Softly." if n % 2 else None,
        )
        for n, value in enumerate(values)
    ]
    return table_of(Utterance, rows)


def stage(rule: InstructionRule) -> AnnotateLabelsStage:
    """The stage as a worker gets it."""
    made = AnnotateLabelsStage("esd", rule, prompts={EMOTION.label: EMOTION.sha256})
    copy: AnnotateLabelsStage = pickle.loads(pickle.dumps(made))
    return copy


def origins(table: pa.Table) -> list[InstructionOrigin]:
    return [instruction_origin(row) for row in table.to_pylist()]


def test_templates() -> None:
    rows = chunk("sad", None, "elated", name="emotion")
    annotated = stage(TemplateRule(EMOTION, "own", 0))
    block = annotated.transform(rows)
    assert block.rows.schema.equals(arrow_schema(AnnotatedUtterance))
    assert origins(block.rows) == [
        InstructionOrigin.TEMPLATE,
        InstructionOrigin.DEFAULT,
        InstructionOrigin.DEFAULT,
    ]
    assert block.counts == {
        "instruction.en": 1,
        "no_instruction.without_label": 1,
        "no_instruction.label_without_word": 1,
    }
    facts = annotated.account(rows, block)
    assert (facts.rows_in, facts.rows_out, facts.rejected.total()) == (3, 3, 0)
    assert annotated.prompts == {EMOTION.label: EMOTION.sha256} and annotated.backend is None


def test_combinations_and_a_dead_letter() -> None:
    written = Written((("en", "Be a man."),), "model", "1" * 64)
    rule = TupleRule({MALE: written, FEMALE: NoReply("invalid_reply: no")}, (), "p/v1", "0" * 64, 0)
    rows = chunk("male", "female", "male", "female", None)
    annotated = stage(rule)
    block = annotated.transform(rows)
    tuples, default = [InstructionOrigin.TUPLE] * 2, [InstructionOrigin.DEFAULT]
    assert origins(block.rows) == tuples + default
    assert [row["id"] for row in block.rows.to_pylist()] == ["u0", "u2", "u4"]
    assert [one.record_id for one in block.rejections] == ["u1", "u3"]
    assert {one.reason for one in block.rejections} == {Reason.DEAD_LETTER}
    assert block.rejections[0].detail == "invalid_reply: no"
    facts = annotated.account(rows, block)
    assert (facts.rows_in, facts.rows_out, facts.rejected["dead_letter"]) == (5, 3, 2)
    assert facts.rejected_microseconds["dead_letter"] == 3_000_000


def test_descriptions_and_none() -> None:
    assert origins(stage(ShippedRule(("none",), 0)).transform(chunk(None, None)).rows) == [
        InstructionOrigin.DEFAULT,
        InstructionOrigin.SHIPPED,
    ]
    block = stage(NoRule()).transform(chunk("male", "male"))
    assert origins(block.rows) == [InstructionOrigin.DEFAULT] * 2
    assert block.counts == {"no_instruction.not_wanted": 2}


def test_labels_that_changed_since_the_survey_are_a_failure() -> None:
    rule = TupleRule({}, (), "p/v1", "0" * 64, 0)
    with pytest.raises(StageFailed, match=r"u0: labels .*male.* run the same command again"):
        stage(rule).transform(chunk("male"))
