"""InstructTTSEval: its file, true or false over real HTTP, and the mean of the levels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.trainer.rewards.judge_server import JudgeServer
from trainer.errors import UsageError
from trainer.evaluate import main
from trainer.metrics.instruct_eval import QUESTIONS, ask_judge, instruct_figures
from trainer.metrics.instruct_items import LEVELS, read_items
from trainer.metrics.measurement import read_measurements
from trainer.metrics.tables import render_tables
from trainer.rewards.judge_prompt import YES_NO
from trainer.rewards.settings import JudgeSettings

SPEECH = np.zeros(8000, np.float32)


@pytest.fixture(scope="module")
def server() -> Iterator[JudgeServer]:
    with JudgeServer() as running:
        yield running


def _settings(server: JudgeServer) -> JudgeSettings:
    return JudgeSettings(base_url=server.base_url, wait_s=0.01, timeout_s=5.0)


def _entry(number: int, **changes: object) -> dict[str, object]:
    level = {"instruction": "Speak slowly.", "gen_path": f"out/{number}.wav"}
    return {"id": f"en-{number}", "text": "It rains.", "APS": level, "DSD": level, "RP": level} | (
        changes
    )


@pytest.mark.parametrize("level", LEVELS)
def test_true_and_false_in_order_and_anything_else_is_none(server: JudgeServer, level: str) -> None:
    replies = ["true", "False.", "**TRUE**", "maybe", "yes", "503|503|true", "400"]
    found = ask_judge(_settings(server), QUESTIONS[level], replies, [SPEECH] * len(replies))
    assert found.values == (True, False, True, None, None, True, None)
    assert found.causes == {"neither_true_nor_false": 2, "http_400": 1}


def test_the_judge_that_rewards_is_asked_for_yes_or_no(server: JudgeServer) -> None:
    found = ask_judge(_settings(server), YES_NO, ["yes", "no", "true"], [SPEECH] * 3)
    assert found.values == (True, False, None)
    assert found.causes == {"neither_yes_nor_no": 1}


def test_nothing_said_is_false_and_nobody_is_asked(server: JudgeServer) -> None:
    calls = len(server.bodies)
    found = ask_judge(_settings(server), QUESTIONS["rp"], ["true"], [SPEECH[:0]])
    assert (found.values, len(server.bodies)) == ((False,), calls)


def test_each_level_has_a_question_of_its_own_with_the_instruction_in_it() -> None:
    assert len({one.text for one in QUESTIONS.values()}) == len(LEVELS)
    assert len({one.version for one in QUESTIONS.values()} | {YES_NO.version}) == 4
    assert all(one.text.count("{instruction}") == 1 for one in QUESTIONS.values())


def test_average_is_of_the_levels_and_not_of_all_verdicts() -> None:
    # By hand: 1 of 1, 1 of 4, 2 of 4; over all verdicts it would be 4 of 9.
    verdicts: dict[str, list[bool | None]] = {
        "aps": [True, None],
        "dsd": [True, False, False, False],
        "rp": [True, True, False, False],
    }
    found = instruct_figures(verdicts)
    assert [found[level].value for level in LEVELS] == [100.0, 25.0, 50.0]
    assert found["aps"].left_out == 1
    assert found["instruct_average"].value == pytest.approx(175 / 3)
    assert found["instruct_average"].count == 9


def test_without_a_level_there_is_no_average() -> None:
    found = instruct_figures({"aps": [True], "dsd": [True]})
    assert found["rp"].value is None
    assert found["instruct_average"].missing == "the mean needs all of aps, dsd, rp; without: rp"


@pytest.mark.parametrize("as_list", [True, False])
def test_file_as_list_and_as_lines(tmp_path: Path, as_list: bool) -> None:
    entries = [_entry(1, extra=[1]), _entry(2, id=7)]
    path = tmp_path / "items.json"
    text = json.dumps(entries) if as_list else "\n".join(map(json.dumps, entries))
    path.write_text(text, encoding="utf-8")
    items = read_items(path)
    assert [item.id for item in items] == ["en-1", 7]
    assert items[0].directive("dsd").instruction == "Speak slowly."
    assert items[0].speech_path("rp", tmp_path) == (tmp_path / "out/1.wav").resolve()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([_entry(1), _entry(2, DSD={"instruction": "  "})], r"entry 2: DSD\.instruction"),
        ([{"id": "x", "text": "y"}], r"entry 1: APS: Field required; an entry has"),
        ([_entry(1), _entry(1)], r"entry 2: id en-1 is there twice"),
        (["text"], r"entry 1: Input should be"),
        ([], r"no entries there"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, entries: list[object], message: str) -> None:
    path = tmp_path / "items.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        read_items(path)


def test_no_file_no_text_no_json(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    with pytest.raises(UsageError, match=r"items\.json.*No such file"):
        read_items(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="decode"):
        read_items(path)
    path.write_text("[" * 100_000)
    with pytest.raises(UsageError, match="not JSON"):
        read_items(path)


@pytest.mark.parametrize("given", ["../other.wav", "/etc/hostname", "a/../../b.wav"])
def test_no_path_leads_out_of_the_folder(tmp_path: Path, given: str) -> None:
    path = tmp_path / "items.json"
    level = {"instruction": "Speak.", "gen_path": given}
    path.write_text(json.dumps([_entry(1, APS=level, DSD={"instruction": "Speak."})]))
    item = read_items(path)[0]
    with pytest.raises(UsageError, match="APS: gen_path .* leads out of"):
        item.speech_path("aps", tmp_path)
    assert item.speech_path("dsd", tmp_path) is None


def _speech(folder: Path, names: list[str]) -> None:
    for name in names:
        rng = np.random.default_rng(len(name))
        soundfile.write(folder / name, rng.normal(0, 0.1, 8000), 16_000, format="FLAC")


def test_speech_of_any_system_from_its_file_to_the_tables(
    tmp_path: Path, server: JudgeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = {"APS": ["true", "True."], "DSD": ["true", "false"], "RP": ["false", "perhaps"]}
    entries = [
        {"id": n, "text": "It rains."}
        | {k: {"instruction": said[n], "gen_path": f"{k}{n}.flac"} for k, said in replies.items()}
        for n in range(2)
    ] + [_entry(3, **{k: {"instruction": "true"} for k in replies})]  # no speech yet
    _speech(tmp_path, [f"{k}{n}.flac" for k in replies for n in range(2)])
    path = tmp_path / "en.json"
    path.write_text(json.dumps(entries))
    arguments = ["--input", str(path), "--speech", str(tmp_path), "--language", "en"]
    arguments += ["--system", "theirs", "--output", str(tmp_path / "out")]
    server_setting = f"score.instruction={{base_url: '{server.base_url}', wait_s: 0.01}}"
    assert main(["judge", *arguments, "--set", server_setting]) == 0
    said = capsys.readouterr().out
    assert "without a verdict: 1 neither_true_nor_false, 3 no_speech" in said
    found = {one.task: one for one in read_measurements(tmp_path / "out" / "measurements.jsonl")}
    assert [found[level].value for level in LEVELS] == [100.0, 50.0, 0.0]
    assert [found[level].count for level in LEVELS] == [2, 2, 1]
    assert found["instruct_average"].value == pytest.approx(50.0)
    assert "| theirs | here | 100.0 (n=2) | 50.0 (n=2) | 0.0 (n=1) | 50.0 (n=5) |" in (
        render_tables(list(found.values())).markdown.replace(" | – [1]", "")
    )
    verdicts = str(tmp_path / "out" / "verdicts.jsonl")
    assert main(["agreement", "--judge", verdicts, "--against", verdicts]) == 0
    assert "Macro-F1 1.0000 over 5 cases; 4 without" in capsys.readouterr().out


def test_judge_without_server_without_speech_or_with_a_dead_server(
    tmp_path: Path, server: JudgeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "en.json"
    path.write_text(
        json.dumps([_entry(1, **{k: {"instruction": "x"} for k in ("APS", "DSD", "RP")})])
    )
    arguments = ["judge", "--input", str(path), "--speech", str(tmp_path), "--language", "en"]
    arguments += ["--system", "theirs", "--output", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "no judge: give --set score.instruction.base_url" in capsys.readouterr().err
    there = ["--set", f"score.instruction={{base_url: '{server.base_url}', wait_s: 0.01}}"]
    assert main([*arguments, *there]) == 0
    found = read_measurements(tmp_path / "out" / "measurements.jsonl")
    assert all(one.value is None and one.missing for one in found)
    assert str(found[0].missing).endswith("en.json names no speech (gen_path)")
    path.write_text(
        json.dumps(
            [
                _entry(
                    1,
                    **{
                        k: {"instruction": "400", "gen_path": "a.flac"}
                        for k in ("APS", "DSD", "RP")
                    },
                )
            ]
        )
    )
    capsys.readouterr()
    assert main([*arguments, *there]) == 1
    assert "a.flac" in capsys.readouterr().err
    _speech(tmp_path, ["a.flac"])
    assert main([*arguments, *there]) == 1
    assert "no verdict on any recording (3 http_400)" in capsys.readouterr().err
