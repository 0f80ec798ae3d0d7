"""FlexiVoice-Instruct, both sources, raw corpus to report: the real commands over real HTTP."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lhotse
import pyarrow.parquet as pq
import pytest

from manifests import validate
from tests.e2e.annotation_server import UNKNOWN, AnnotationServer, annotation_server
from tests.e2e.workplace import KEY, SOURCES, VERBS, Workplace, contents

_DEFAULT = "Speak the following text"


@dataclass(frozen=True)
class Built:
    """A whole corpus; tests leave it as it is."""

    workplace: Workplace
    server: AnnotationServer
    questions: list[dict[str, Any]]  # the last message of each call
    prefixes: set[str]  # what comes before it


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    thread, server = annotation_server()
    server.together = 5
    with thread, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAT_API_KEY", KEY)
        workplace = Workplace(tmp_path_factory.mktemp("built"), thread.base_url)
        workplace.build()
        assert server.most_in_flight >= 5  # no call was answered before
        assert max(server.arrivals.values()) == 1
        questions = [json.loads(body["messages"][-1]["content"]) for body in server.bodies]
        prefixes = {json.dumps(body["messages"][:-1]) for body in server.bodies}
        yield Built(workplace, server, questions, prefixes)


@pytest.mark.parametrize("source", SOURCES)
def test_every_stage_accounts_for_every_utterance(built: Built, source: str) -> None:
    workplace = built.workplace
    before = None
    for verb in VERBS:
        facts = workplace.facts(source, verb)
        assert facts["in"] == facts["out"] + sum(facts["rejected"].values())
        assert before is None or facts["in"] == before
        before = facts["out"]
        folder = workplace.data / source / verb
        rejected = [pq.read_table(path) for path in folder.glob("rejected/part-*.parquet")]
        assert sum(table.num_rows for table in rejected) == sum(facts["rejected"].values())
        if verb != "emit":
            parts = [pq.read_table(path) for path in folder.glob("part-*.parquet")]
            assert sum(table.num_rows for table in parts) == facts["out"]
        hours = facts["hours_out"] + sum(facts["rejected_hours"].values())
        assert facts["hours_in"] == pytest.approx(hours, abs=1e-5)
    assert before


def test_the_damaged_utterances_are_rejected_by_reason(
    built: Built,
) -> None:
    facts = built.workplace.facts("emilia", "ingest")
    assert (facts["in"], facts["out"], len(facts["rejected"])) == (59, 48, 7)
    facts = built.workplace.facts("game_voice", "annotate")
    assert set(facts["rejected"]) == {"character_unknown"}


@pytest.mark.parametrize("source", SOURCES)
def test_lhotse_loads_every_cut_with_audio_and_instruction(built: Built, source: str) -> None:
    workplace = built.workplace
    folder = workplace.data / source
    selected = [
        row
        for path in sorted((folder / "select").glob("part-*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    cuts = list(lhotse.CutSet.from_shar(in_dir=folder / "emit" / "shar"))
    assert len(cuts) == len(selected) == workplace.facts(source, "emit")["out"] > 25
    for cut, row in zip(cuts, selected, strict=True):
        audio = cut.load_audio()
        assert audio.shape == (1, cut.num_samples)
        assert abs(audio).max() > 0.01
        assert cut.duration == pytest.approx(row["duration"], abs=0.2)
        (speech,) = cut.supervisions
        assert (speech.id, speech.text, speech.language) == (
            row["id"],
            row["text"],
            row["language"],
        )
        assert speech.instruction == (row["instruction"] or _DEFAULT)
        assert speech.instruction_default == (row["instruction"] is None)
        for name in ("value", "prompt_name", "prompt_sha256", "chat_model", "licence"):
            assert speech.custom.get(name) == row[name], name
        assert speech.lineage["audio_uri"] == row["audio_uri"]
    assert any(not cut.supervisions[0].instruction_default for cut in cuts)
    if source == "emilia":  # of a video without any metadata
        assert any(cut.supervisions[0].instruction_default for cut in cuts)


@pytest.mark.parametrize("source", SOURCES)
def test_validation_decodes_every_cut(
    built: Built, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    workplace = built.workplace
    assert validate.main(["--input", str(workplace.data / source / "emit"), "--decode", "1"]) == 0
    cuts = workplace.facts(source, "emit")["out"]
    printed = capsys.readouterr().out
    assert f"valid: {cuts} cuts" in printed
    assert f"{cuts} decoded" in printed


def test_the_report_has_both_corpora(built: Built) -> None:
    page = (built.workplace.data / "report" / "index.html").read_text(encoding="utf-8")
    for source in SOURCES:
        assert f'id="{source}"' in page
    assert "character unknown" in page.replace("_", " ")


def test_the_static_part_of_every_request_is_the_same_bytes(built: Built) -> None:
    assert len(built.prefixes) == 4  # emilia_style, and three of the games'
    assert len(built.questions) > 130


def test_a_character_is_asked_about_once_and_an_unknown_ones_lines_never(built: Built) -> None:
    questions = built.questions
    lists = [question for question in questions if "characters" in question]
    assert len(lists) == 1
    profiles = [question["character"] for question in questions if "character" in question]
    assert sorted(profiles) == sorted(set(lists[0]["characters"]) - UNKNOWN)
    lines = [q["metainfo"] for q in questions if "character" in q.get("metainfo", {})]
    assert len(lines) == built.workplace.facts("game_voice", "annotate")["out"]
    assert not UNKNOWN & {line["character"] for line in lines}
    assert all(line["personality"] and line["speaking style"] for line in lines)


def test_the_key_is_written_nowhere(built: Built) -> None:
    workplace, server = built.workplace, built.server
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    for path, content in contents(workplace.folder).items():
        assert KEY.encode() not in content, path


def _corpus(workplace: Workplace) -> dict[str, bytes]:
    """The deterministic files: all but the facts of the run and the page that shows them."""
    files = contents(workplace.data)
    return {
        path: content
        for path, content in files.items()
        if not path.endswith(".run.json") and not path.startswith("report/")
    }


def test_a_second_run_from_scratch_calls_nothing_and_gives_the_same_bytes(
    built: Built,
) -> None:
    workplace, server = built.workplace, built.server
    first, calls = _corpus(workplace), server.calls
    assert {Path(path).suffix for path in first} == {".parquet", ".tar", ".gz", ".json"}
    with workplace.set_aside(workplace.data):
        workplace.build()
        assert server.calls == calls
        assert _corpus(workplace) == first
        for source in SOURCES:
            facts = workplace.run_facts(source, "annotate")
            assert facts["calls"] == 0 and facts["cached_calls"] > 0 and facts["cost_usd"] == 0


def test_fresh_journals_and_other_concurrency_give_the_same_bytes(
    built: Built,
) -> None:
    workplace, server = built.workplace, built.server
    first, calls = _corpus(workplace), server.calls
    with workplace.set_aside(workplace.data, workplace.journals):
        for source in SOURCES:
            workplace.done("ingest", source)
            workplace.done("annotate", source, "--max-in-flight", "1")
            workplace.done("select", source)
            workplace.done("emit", source)
        assert server.calls == 2 * calls
        assert _corpus(workplace) == first


def test_one_utterance_more_costs_one_call(workplace: Workplace, server: AnnotationServer) -> None:
    workplace.done("ingest", "emilia")
    workplace.done("annotate", "emilia")
    archive = workplace.folder / "samples" / "emilia" / "EN-B000000.tar"
    with tarfile.open(archive) as tar:
        name = "EN_B00000_S00007_W000011"
        stream, text = tar.extractfile(f"{name}.mp3"), tar.extractfile(f"{name}.json")
        assert stream is not None and text is not None
        audio, row = stream.read(), json.loads(text.read())
    new = "EN_B00000_S00007_W000012"
    row |= {"id": new, "text": "That was not here before.", "wav": f"{new}.mp3"}
    with tarfile.open(archive, "a") as tar:
        for member, payload in ((".json", json.dumps(row).encode()), (".mp3", audio)):
            info = tarfile.TarInfo(new + member)
            info.size = len(payload)
            tar.addfile(info, io.BytesIO(payload))
    server.forget()
    workplace.done("ingest", "emilia")
    assert workplace.facts("emilia", "ingest")["out"] == 49
    workplace.done("annotate", "emilia")
    assert server.calls == 1
    (body,) = server.bodies
    question = json.loads(body["messages"][-1]["content"])
    assert question["speech transcript"] == "That was not here before."
    assert workplace.run_facts("emilia", "annotate")["calls"] == 1


@pytest.mark.parametrize("changes", [{"chat.temperature": 0.5}, {"chat.model": "mock-2"}])
def test_another_model_or_temperature_calls_all_again(
    workplace: Workplace, server: AnnotationServer, changes: dict[str, object]
) -> None:
    workplace.done("ingest", "emilia")
    workplace.done("annotate", "emilia")
    calls = server.calls
    workplace.change(changes)
    workplace.done("annotate", "emilia")
    assert server.calls == 2 * calls
    workplace.done("annotate", "emilia")
    assert server.calls == 2 * calls


def test_limit_takes_so_many_of_every_part(workplace: Workplace, server: AnnotationServer) -> None:
    workplace.done("ingest", "emilia")
    workplace.done("annotate", "emilia", "--limit", "5")
    facts = workplace.facts("emilia", "annotate")
    assert (facts["in"], facts["out"], server.calls) == (10, 10, 10)
    workplace.done("annotate", "emilia")
    assert workplace.facts("emilia", "annotate")["in"] == 48
    assert server.calls == 45  # the ten are not asked again


def test_a_dead_letter_is_a_rejection_and_is_asked_again_on_demand(
    workplace: Workplace, server: AnnotationServer
) -> None:
    workplace.done("ingest", "emilia")
    part = next((workplace.data / "emilia" / "ingest").glob("part-*.parquet"))
    row = next(r for r in pq.read_table(part).to_pylist() if r["title"])
    server.invalid.add(row["text"])
    workplace.done("annotate", "emilia")
    facts = workplace.facts("emilia", "annotate")
    assert facts["rejected"] == {"dead_letter": 1}
    folder = workplace.data / "emilia" / "annotate" / "rejected"
    (rejection,) = pq.read_table(next(folder.glob("*.parquet"))).to_pylist()
    assert (rejection["record_id"], rejection["reason"]) == (row["id"], "dead_letter")
    assert "not valid JSON" in rejection["detail"]
    assert server.calls == 47  # the one had three attempts
    server.invalid.clear()
    workplace.done("annotate", "emilia")
    assert server.calls == 47
    assert workplace.facts("emilia", "annotate")["rejected"] == {"dead_letter": 1}
    workplace.done("annotate", "emilia", "--replay-dead-letters")
    assert server.calls == 48
    assert workplace.facts("emilia", "annotate")["rejected"] == {}
