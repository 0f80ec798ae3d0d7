"""Selection over blocks of rows: conservation, order, idempotence, rows without instruction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.overuse import Overused, described, merge, overused
from pipelines.stages.select import SelectStage
from pipelines.stages.settings import SelectSettings
from pipelines.stages.survey import Survey, Surveyor, allowed_rows, characters_of, survey_here
from pipelines.stages.survey_pipeline import survey_on_beam
from schemas import AnnotatedUtterance, Reason, Value, arrow_schema, table_of
from tests.records import annotated

SETTINGS = SelectSettings(
    keep_values=[Value.HIGH, Value.MEDIUM],
    keep_without_instruction=True,
    max_words=12,
    max_characters=20,
    min_script_share=0.6,
    opening_words=3,
    max_opening_share=0.4,
    max_same=2,
    min_repeats=3,
)
SCHEMA = arrow_schema(AnnotatedUtterance)

_texts = st.sampled_from(
    ["Softly.", "softly", "Tease him as Faye does.", "轻声说话。", "...", "soft " * 13]
    + [f"Say it like a {who} at {when}." for who in ("king", "cook") for when in ("dawn", "night")]
)
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "instruction": st.none() | _texts,
            "value": st.sampled_from(["high", "medium", "low", None]),
            "character": st.sampled_from([None, "FAYE", "CHIEF"]),
        }
    ),
    max_size=14,
)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    made = [annotated(id=f"u{n:04d}", game="g", **row) for n, row in enumerate(rows)]
    return table_of(AnnotatedUtterance, made) if made else SCHEMA.empty_table()


def whole_survey(chunk: pa.Table, chosen: SelectSettings = SETTINGS) -> Survey:
    """The survey without Beam: what the pipeline must come to."""
    rows = described(chunk, chosen)
    found = []
    for openings, hashes in ((False, rows.whole), (True, rows.opening)):
        allowed = allowed_rows(chosen, len(hashes), openings)
        found.append(overused(hashes[hashes != 0], rows.ids[hashes != 0], allowed))
    return Survey(
        descriptions=len(rows.whole), overused=merge(found), characters=characters_of(chunk)
    )


def select(
    chunk: pa.Table, corpus: Survey | None = None, chosen: SelectSettings = SETTINGS
) -> tuple[list[str], dict[str, Reason]]:
    """(ids that stay, id -> reason)."""
    stage = SelectStage("game_voice", chosen, corpus or whole_survey(chunk, chosen))
    stage.setup()
    block = stage.transform(chunk)
    stage.account(chunk, block)  # conservation, as the runner checks it
    assert block.rows.schema.equals(SCHEMA)
    return block.rows.column("id").to_pylist(), {r.record_id: r.reason for r in block.rejections}


@given(_rows)
def test_every_row_stays_or_has_a_reason(rows: list[dict[str, Any]]) -> None:
    chunk = table(rows)
    kept, rejected = select(chunk)
    assert sorted([*kept, *rejected]) == chunk.column("id").to_pylist()


@given(_rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows: list[dict[str, Any]], rng: Any) -> None:  # noqa: ANN401
    chunk = table(rows)
    order = list(range(chunk.num_rows))
    rng.shuffle(order)
    shuffled = chunk.take(pa.array(order, pa.int64()))
    kept, rejected = select(chunk)
    kept_too, rejected_too = select(shuffled)
    assert (sorted(kept_too), rejected_too) == (kept, rejected)


@given(_rows)
def test_what_was_selected_passes_the_row_wise_rules_again(rows: list[dict[str, Any]]) -> None:
    chunk = table(rows)
    kept, _ = select(chunk)
    ids = chunk.column("id").to_pylist()
    again = chunk.take(pa.array([ids.index(row) for row in kept], pa.int64()))
    without_templates = Survey(characters=characters_of(chunk))
    assert select(again, without_templates) == (kept, {})


@given(_rows)
def test_no_wording_is_overused_afterwards(rows: list[dict[str, Any]]) -> None:
    chosen = SETTINGS.model_copy(update={"max_opening_share": 1.0})
    chunk = table(rows)
    kept, _ = select(chunk, chosen=chosen)
    ids = chunk.column("id").to_pylist()
    again = chunk.take(pa.array([ids.index(row) for row in kept], pa.int64()))
    assert select(again, chosen=chosen) == (kept, {})


def test_rows_without_instruction_stay_and_do_not_count() -> None:
    chunk = table([{"instruction": None, "value": None}] * 3 + [{"instruction": "Softly now."}])
    assert len(select(chunk)[0]) == 4
    assert whole_survey(chunk).descriptions == 1


def test_rows_without_instruction_go_when_they_are_not_wanted() -> None:
    chosen = SETTINGS.model_copy(update={"keep_without_instruction": False})
    chunk = table([{"instruction": None, "value": None}, {"instruction": "Softly now."}])
    stage = SelectStage("game_voice", chosen, whole_survey(chunk, chosen))
    stage.setup()
    (rejection,) = stage.transform(chunk).rejections
    assert rejection.reason is Reason.VALUE_NOT_KEPT
    assert rejection.detail == "no instruction, so no value"
    assert rejection.location == "samples/emilia/EN-B000000.tar:EN_B00000_S00000_W000000.mp3"


def test_an_overused_wording_keeps_as_many_as_are_allowed() -> None:
    chunk = table([{"instruction": text} for text in ["Softly!", "softly", "SOFTLY.", "Loud."]])
    kept, rejected = select(chunk)
    assert len(kept) == 3
    assert list(rejected.values()) == [Reason.TEMPLATE_LIKE]


def test_two_of_a_kind_are_no_template() -> None:
    chunk = table([{"instruction": "Softly!"}] * 2)
    assert select(chunk)[1] == {}


def test_an_overused_opening() -> None:
    texts = [f"Say it like a {who} at dawn." for who in ("king", "cook", "maid", "fool", "duke")]
    texts += [f"{word} and slowly, all the way." for word in ("Hotly", "Coldly", "Dryly")]
    chunk = table([{"instruction": text} for text in texts])
    kept, rejected = select(chunk)
    assert len(rejected) == 2  # 40 % of 8 descriptions: three of the five stay
    assert set(rejected.values()) == {Reason.TEMPLATE_LIKE}


def test_rows_of_other_values_are_no_part_of_a_template() -> None:
    chunk = table([{"instruction": "Softly!", "value": "low"}] * 5 + [{"instruction": "Softly!"}])
    assert select(chunk)[0] == ["u0005"]


def test_values_are_counted() -> None:
    chunk = table([{"value": "high"}, {"value": "low"}, {"instruction": None, "value": None}])
    stage = SelectStage("emilia", SETTINGS, Survey())
    stage.setup()
    assert stage.transform(chunk).counts == {
        "value_in.high": 1,
        "value_in.medium": 0,
        "value_in.low": 1,
        "value_in.none": 1,
        "value_out.high": 1,
        "value_out.medium": 0,
        "value_out.low": 0,
        "value_out.none": 1,
    }


def test_an_empty_chunk() -> None:
    assert select(SCHEMA.empty_table()) == ([], {})


def test_the_survey_survives_its_file() -> None:
    corpus = whole_survey(table([{"instruction": "Softly!", "character": "FAYE"}] * 5))
    assert len(corpus.overused.hashes) == 1
    assert Survey.from_json(corpus.to_json()).to_json() == corpus.to_json()
    assert Survey().overused.hashes.shape == Overused().hashes.shape


@pytest.mark.parametrize("limit", [None, 3])
def test_beam_and_this_process_come_to_the_same(
    tmp_path: Path, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, chunks = corpus_of_two_parts(tmp_path)
    surveyor = Surveyor(settings=SETTINGS, rows=24, limit=limit)
    expected = whole_survey(pa.concat_tables([chunk.slice(0, limit) for chunk in chunks]))
    assert expected.characters == {("g", "FAYE")}
    found = survey_on_beam(parts, surveyor, str(tmp_path / "survey.json"), [])
    assert found.to_json() == expected.to_json()
    assert not (tmp_path / "survey.json").exists()
    assert survey_here(parts, surveyor).to_json() == expected.to_json()
    monkeypatch.setattr("pipelines.stages.survey.HELD_ROWS", 0)  # too many rows for the memory
    assert survey_here(parts, surveyor).to_json() == expected.to_json()


def test_where_nothing_can_be_overused_only_the_characters_are_read(tmp_path: Path) -> None:
    parts, _ = corpus_of_two_parts(tmp_path)
    surveyor = Surveyor(settings=SETTINGS.model_copy(update={"min_repeats": 25}), rows=24)
    here = survey_here(parts, surveyor)
    assert here.characters == {("g", "FAYE")}
    assert len(here.overused.hashes) == 0
    on_beam = survey_on_beam(parts, surveyor, str(tmp_path / "survey.json"), [])
    assert on_beam.to_json() == here.to_json()


def test_no_part_is_an_empty_survey(tmp_path: Path) -> None:
    surveyor = Surveyor(settings=SETTINGS, rows=0)
    assert survey_here([], surveyor).to_json() == Survey().to_json()
    found = survey_on_beam([], surveyor, str(tmp_path / "survey.json"), [])
    assert found.to_json() == Survey().to_json()


def test_characters_of_several_games() -> None:
    rows = [("FAYE", "g"), (None, "g"), ("FAYE", None), ("JOE", "h"), ("FAYE", "g"), (None, None)]
    made = [annotated(id=str(n), character=c, game=g) for n, (c, g) in enumerate(rows)]
    found = characters_of(table_of(AnnotatedUtterance, made))
    assert found == {("g", "FAYE"), ("", "FAYE"), ("h", "JOE")}
    assert characters_of(SCHEMA.empty_table()) == frozenset()


def corpus_of_two_parts(folder: Path) -> tuple[list[str], list[pa.Table]]:
    """Two parts of twelve rows, their paths and their contents."""
    texts = ["Softly!", "softly", "Say it like a king.", "Say it like a cook."] * 3
    chunks = []
    for part in range(2):
        rows = [
            annotated(id=f"p{part}u{n}", instruction=text, character="FAYE", game="g")
            for n, text in enumerate(texts)
        ]
        chunks.append(table_of(AnnotatedUtterance, rows))
        pq.write_table(chunks[-1], folder / f"part-{part}.parquet")
    return [str(path) for path in sorted(folder.glob("*.parquet"))], chunks
