import json
from pathlib import Path

import pytest

from pipelines.errors import StageFailed, UsageError
from pipelines.reporting.facts import CorpusReport
from pipelines.reporting.gather import SAMPLES, VERBS, gather
from pipelines.reporting.notices import notices
from pipelines.reporting.spending import spending
from pipelines.reporting.stage_reports import read_run_facts
from schemas import Reason, StageFacts
from tests.pipelines.reporting.stage_folders import (
    WrittenStage,
    annotated,
    rejection,
    utterance,
    whole_corpus,
)


def gathered(root: Path, source: str = "emilia") -> CorpusReport:
    return gather(str(root), {source: VERBS}).corpora[0]


def test_every_stage_is_read_in_order(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    corpus = gathered(tmp_path)
    assert [stage.facts.stage for stage in corpus.stages] == [
        "ingest",
        "annotate",
        "select",
        "emit",
    ]
    assert corpus.missing == ()
    assert corpus.first is not None and corpus.first.rows_in == 20
    assert corpus.last is not None and corpus.last.rows_out == 10


def test_rows_and_hours_in_are_those_kept_plus_those_lost(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    corpus = gathered(tmp_path)
    assert corpus.first is not None and corpus.last is not None
    assert all(stage.adds_up for stage in corpus.stages)
    assert corpus.first.rows_in == corpus.last.rows_out + sum(loss.rows for loss in corpus.losses)
    lost = sum(loss.hours for loss in corpus.losses)
    assert corpus.first.hours_in == pytest.approx(corpus.last.hours_out + lost, abs=1e-5)


def test_losses_come_with_the_most_hours_first(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    losses = gathered(tmp_path).losses
    assert [(loss.stage, loss.reason, loss.rows) for loss in losses] == [
        ("select", "value_not_kept", 3),
        ("ingest", "audio_truncated", 2),
        ("annotate", "dead_letter", 2),
        ("select", "name_leaked", 1),
        ("ingest", "duplicate_id", 1),
        ("ingest", "audio_missing", 1),
    ]


def test_missing_stages_are_named_with_the_command_that_makes_them(tmp_path: Path) -> None:
    WrittenStage(verb="ingest", rows=[utterance(0)]).write(tmp_path, "emilia")
    corpus = gathered(tmp_path)
    assert corpus.missing == ("annotate", "select", "emit")
    (notice,) = notices(corpus)
    assert notice.text == "annotate has not finished (select, emit after it)."
    assert notice.command == "python -m pipelines.annotate --source emilia"


def test_an_unfinished_folder_is_a_missing_stage(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    (tmp_path / "emilia" / "select" / "stage.json").unlink()
    assert gathered(tmp_path).missing == ("select",)


def test_a_corpus_without_any_stage_stands_beside_a_finished_one(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    report = gather(str(tmp_path), dict.fromkeys(["emilia", "game_voice"], VERBS))
    assert report.corpora[1].stages == ()
    assert report.corpora[1].missing[0] == "ingest"


def test_nothing_at_all_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run python -m pipelines.ingest --source emilia first"):
        gather(str(tmp_path), {"emilia": VERBS})


def test_a_damaged_stage_file_says_what_to_run(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    (tmp_path / "emilia" / "select" / "stage.json").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=r"run python -m pipelines\.select --source emilia again"):
        gathered(tmp_path)


def test_a_damaged_part_is_a_failure_that_names_the_file(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    (tmp_path / "emilia" / "select" / "rejected" / "part-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(StageFailed, match="rejected/part-00000.parquet"):
        gathered(tmp_path)


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_damaged_run_facts_are_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "ingest.run.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match="delete it or run the stage again"):
        read_run_facts(str(tmp_path / "ingest"))


def test_run_facts_may_be_absent_and_hold_more_than_we_know(tmp_path: Path) -> None:
    assert read_run_facts(str(tmp_path / "ingest")) == {}
    content = {"seconds": 1.5, "replies": 3, "note": "text", "done": True}
    (tmp_path / "ingest.run.json").write_text(json.dumps(content), encoding="utf-8")
    run = read_run_facts(str(tmp_path / "ingest"))
    assert run == {"seconds": 1.5, "replies": 3}
    assert spending(run).other == (("replies", 3),)


@pytest.mark.parametrize(
    "run", [{"cost_usd": 0.25}, {"cost_nano_usd": 250_000_000}, {"cost_pico_usd": 250_000_000_000}]
)
def test_costs_are_dollars_whatever_unit_they_were_added_up_in(run: dict[str, float]) -> None:
    assert spending(run).cost_usd == pytest.approx(0.25)


def test_a_reply_without_a_price_makes_the_cost_unknown() -> None:
    assert not spending({"cost_usd": 0.25, "unpriced_replies": 1}).cost_known


def test_a_few_rejected_rows_of_each_reason(tmp_path: Path) -> None:
    many = [rejection(number, "ingest", Reason.AUDIO_EMPTY) for number in range(500)]
    rare = [rejection(900, "ingest", Reason.TEXT_EMPTY)]
    WrittenStage(verb="ingest", rejections=[*many, *rare]).write(tmp_path, "emilia")
    samples = gathered(tmp_path).stages[0].rejected
    shown = {sample.reason: [row.record_id for row in sample.shown] for sample in samples}
    assert shown == {
        "audio_empty": [f"EN_{number:05d}" for number in range(SAMPLES)],
        "text_empty": ["EN_00900"],
    }
    assert samples[0].rows == 500


def test_examples_show_every_value_and_different_speakers(tmp_path: Path) -> None:
    values = ["high"] * 40 + ["low"] * 40 + ["medium"] * 40
    rows = [annotated(number, value=value) for number, value in enumerate(values)]
    WrittenStage(verb="annotate", rows=rows).write(tmp_path, "emilia")
    corpus = gathered(tmp_path)
    assert corpus.examples_stage == "annotate"
    assert len(corpus.examples) == SAMPLES
    assert {example.value for example in corpus.examples} == {"high", "medium", "low"}
    assert len({example.speaker for example in corpus.examples}) == SAMPLES


def test_examples_before_annotation_have_no_instruction(tmp_path: Path) -> None:
    WrittenStage(verb="ingest", rows=[utterance(0)]).write(tmp_path, "emilia")
    (example,) = gathered(tmp_path).examples
    assert (example.instruction, example.value) == (None, None)
    assert example.metadata == (("title", "Cup final LIVE"), ("tags", "football"))


def test_values_in_order_and_what_was_not_judged(tmp_path: Path) -> None:
    rows = [annotated(number) for number in range(10)]
    counts = {"value.low": 2, "value.high": 5, "value.odd": 1, "without_metadata": 2}
    WrittenStage(verb="annotate", rows=rows, counts=counts).write(tmp_path, "emilia")
    (values,) = gathered(tmp_path).values
    assert values.counts == (("high", 5), ("low", 2), ("not judged", 2), ("odd", 1))
    assert values.total == 10


def test_a_value_distribution_is_not_shown_twice(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    labels = [values.label for values in gathered(tmp_path).values]
    assert labels == ["annotate", "out of select"]  # what select read is what annotate wrote


def test_rows_without_a_value_are_the_same_however_a_stage_counts_them(tmp_path: Path) -> None:
    rows = [annotated(0), annotated(1, value=None), annotated(2, value=None)]
    WrittenStage(verb="annotate", rows=rows, counts={"value.high": 1}).write(tmp_path, "emilia")
    counts = {"value_in.high": 1, "value_in.none": 2, "value_in.low": 0}
    WrittenStage(verb="select", rows=rows, counts=counts).write(tmp_path, "emilia")
    (values,) = gathered(tmp_path).values
    assert values.counts == (("high", 1), ("not judged", 2))


def test_the_embedded_model_is_pointed_out(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    (notice,) = notices(gathered(tmp_path))
    assert "embedded chat model" in notice.text and "not to ship data" in notice.text


def test_a_full_size_model_needs_no_notice(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    stage_json = tmp_path / "emilia" / "annotate" / "stage.json"
    text = stage_json.read_text("utf-8").replace("embedded:smollm2-360m", "openai:deepseek-chat")
    stage_json.write_text(text, "utf-8")
    assert notices(gathered(tmp_path)) == []


def test_a_stage_older_than_the_one_before_it_is_pointed_out(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    WrittenStage(verb="ingest", rows=[utterance(0), utterance(1)]).write(tmp_path, "emilia")
    texts = [notice.text for notice in notices(gathered(tmp_path))]
    assert any("annotate read 16 utterances, but ingest now has 2" in text for text in texts)


def test_edited_facts_are_pointed_out(tmp_path: Path) -> None:
    whole_corpus(tmp_path)
    stage_json = tmp_path / "emilia" / "emit" / "stage.json"
    facts = StageFacts.from_json(stage_json.read_text("utf-8"))
    changed = StageFacts(**{**vars(facts), "rows_out": 9})
    stage_json.write_text(changed.to_json(), "utf-8")
    assert not gathered(tmp_path).stages[-1].adds_up
    assert any("emit: rows or hours" in notice.text for notice in notices(gathered(tmp_path)))
