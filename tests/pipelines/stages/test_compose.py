from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import StageFailed, UsageError
from pipelines.stages.candidates import candidates_of, emotion_of, sentence_key, survey
from pipelines.stages.compose import ComposeStage, Place, Plan
from pipelines.stages.draws import draw, pick, shuffled
from pipelines.stages.emotion_wording import emotion_wording
from prompts import load_templates
from schemas import (
    AnnotatedUtterance,
    Label,
    PromptUtterance,
    Reason,
    Utterance,
    arrow_schema,
    record_of,
    table_of,
)
from tests.records import annotated, utterance

TEMPLATES = load_templates("emotion_templates", "v1")
SAD = (Label("emotion", "sad"), Label("gender", "female"))


def stage(
    folder: Path, places: dict[str, Place], refused: dict[str, tuple[Reason, str]]
) -> ComposeStage:
    plan = Plan(
        places={("emilia", name): place for name, place in places.items()},
        refused={("emilia", name): why for name, why in refused.items()},
        templates=TEMPLATES,
    )
    path = str(folder / "plan.parquet")
    plan.write(path)
    made = ComposeStage("s2", path, TEMPLATES)
    made.setup()
    return made


def test_a_row_is_its_utterance_with_what_the_plan_gives_it(tmp_path: Path) -> None:
    place = Place(
        emotion="happy",
        instruction="Sound happy.",
        instruction_language="en",
        reference_id="r",
        text_emotion="sad",
        counts=("emotion.happy", "text.conflicting"),
    )
    before = annotated(id="a", labels=SAD)
    block = stage(tmp_path, {"a": place}, {}).transform(table_of(AnnotatedUtterance, [before]))
    assert block.rows.schema.equals(arrow_schema(PromptUtterance))
    row = record_of(PromptUtterance, block.rows.to_pylist()[0])
    # The label is what is asked for; what the source says of the text is kept beside it.
    assert row.labels == (Label("emotion", "happy"), Label("gender", "female"))
    assert (row.text_emotion, row.instruction, row.reference_id) == ("sad", "Sound happy.", "r")
    assert (row.training_set, row.rejected_id, row.origin) == ("s2", None, None)
    # Nothing is left of what a chat model had written.
    assert (row.prompt_name, row.prompt_sha256) == (TEMPLATES.label, TEMPLATES.sha256)
    assert (row.value, row.chat_model, row.reply_sha256) == (None, None, None)
    same = [name for name in arrow_schema(Utterance).names if name != "labels"]
    assert all(getattr(row, name) == getattr(before, name) for name in same)
    assert dict(block.counts) == {"emotion.happy": 1, "text.conflicting": 1}


def test_what_ingest_wrote_is_as_good_as_what_annotate_wrote(tmp_path: Path) -> None:
    rows = [table_of(Utterance, [utterance(id="a", labels=SAD)])]
    rows.append(table_of(AnnotatedUtterance, [annotated(id="a", labels=SAD)]))
    made = [stage(tmp_path, {"a": Place()}, {}).transform(table).rows for table in rows]
    assert made[0].equals(made[1])
    assert made[0].column("instruction").to_pylist() == [None]
    assert made[0].column("labels").to_pylist() == [
        [{"name": "emotion", "value": "sad"}, {"name": "gender", "value": "female"}]
    ]


def test_what_the_plan_refuses_is_a_rejection(tmp_path: Path) -> None:
    table = table_of(Utterance, [utterance(id=name, duration=2.5) for name in ("a", "b")])
    found = stage(tmp_path, {"b": Place()}, {"a": (Reason.PARTNER_MISSING, "alone")})
    block = found.transform(table)
    (gone,) = block.rejections
    assert (gone.record_id, gone.reason, gone.detail) == ("a", Reason.PARTNER_MISSING, "alone")
    assert (gone.stage, gone.duration) == ("compose", 2.5)
    assert gone.location == "samples/emilia/EN-B000000.tar:EN_B00000_S00000_W000000.mp3"
    facts = found.account(table, block)
    assert (facts.rows_in, facts.rows_out, dict(facts.rejected)) == (2, 1, {"partner_missing": 1})


def test_all_or_none_may_be_refused(tmp_path: Path) -> None:
    table = table_of(Utterance, [utterance(id="a")])
    none = stage(tmp_path, {}, {"a": (Reason.NOT_NEEDED, "")}).transform(table)
    assert (none.rows.num_rows, len(none.rejections)) == (0, 1)
    assert none.rows.schema.equals(arrow_schema(PromptUtterance))


def test_input_that_changed_since_it_was_planned_is_a_failure(tmp_path: Path) -> None:
    table = table_of(Utterance, [utterance(id="new")])
    with pytest.raises(StageFailed, match="new was not there when s2 was planned"):
        stage(tmp_path, {}, {}).transform(table)


def test_rows_without_the_columns_of_an_utterance_are_a_failure(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match="columns are missing: audio_container"):
        stage(tmp_path, {}, {}).transform(pa.table({"id": ["a"], "source": ["emilia"]}))


def test_the_survey_reads_all_parts_whatever_their_order(tmp_path: Path) -> None:
    paths = []
    for number, names in enumerate((("c", "a"), ("b",))):
        paths.append(str(tmp_path / f"part-{number}.parquet"))
        rows = [utterance(id=name, labels=SAD, text="Come here!") for name in names]
        pq.write_table(table_of(Utterance, rows), paths[-1])
    found = survey(paths)
    assert [one.id for one in found] == ["a", "b", "c"]
    assert found == survey(paths[::-1])
    assert {(one.emotion, one.sentence, one.source) for one in found} == {
        ("sad", "comehere", "emilia")
    }


def test_a_part_of_another_kind_is_an_error_that_names_the_columns(tmp_path: Path) -> None:
    path = str(tmp_path / "part.parquet")
    pq.write_table(pa.table({"id": ["a"], "speaker": ["x"]}), path)
    with pytest.raises(UsageError, match=r"part\.parquet: .* missing: labels, language, source"):
        survey([path])


def test_two_emotions_are_no_emotion() -> None:
    both = [{"name": "emotion", "value": value} for value in ("sad", "happy")]
    assert emotion_of(both) is None
    assert emotion_of([]) is None
    assert emotion_of([both[0], both[0]]) == "sad"
    table = table_of(Utterance, [utterance(id="a", labels=())])
    assert next(candidates_of(table)).emotion is None


@pytest.mark.parametrize(
    ("one", "other"),
    [("What? man.", "what man"), ("打远一看，它们", "打远一看,它们。"), ("ＡＢＣ", "abc")],
)
def test_writings_of_one_sentence(one: str, other: str) -> None:
    assert sentence_key(one) == sentence_key(other)


def test_sentences_without_a_letter_are_told_apart() -> None:
    assert sentence_key("...") != sentence_key("!")


def test_draws_depend_on_seed_and_purpose_alone() -> None:
    assert draw(0, "a", "b") != draw(0, "ab")
    assert draw(0, "a", "bc") != draw(0, "ab", "c")
    counts = [0] * 10
    for number in range(10_000):
        counts[pick(range(10), 7, "x", str(number))] += 1
    assert max(abs(count - 1_000) for count in counts) < 120  # sd 30
    names = [f"n{number}" for number in range(100)]
    assert shuffled(names, 0, "x") == shuffled(names[::-1], 0, "x") != shuffled(names, 1, "x")
    assert sorted(shuffled(names, 0, "x")) == sorted(names)


@pytest.mark.parametrize(
    ("version", "language", "emotions", "message"),
    [
        ("v99", "own", ["happy"], r"sets\.x\.templates: no templates .*v99"),
        ("v1", "de", ["happy"], r"sets\.x\.instruction_language: 'de', but there are: own, any"),
        ("v1", "own", ["happy", "smug"], r"sets\.x\.emotions: .* no word in 'en' for 'smug'"),
    ],
)
def test_wording_that_cannot_be_made_is_an_error(
    version: str, language: str, emotions: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        emotion_wording(version, language, 0, emotions, "sets.x")
