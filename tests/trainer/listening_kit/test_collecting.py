"""From an evaluation to pages: the table that `collect` writes is one that `make` takes."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.arrow import table_of
from tests.trainer.demo import ROOT
from tests.trainer.listening_kit.clips import write_tone
from trainer.evaluating.case import Case, Cases, CaseTurn, write_cases
from trainer.evaluating.generated import GENERATED, Generated, system_folder
from trainer.listen import CONFIG, main
from trainer.listening.clips import read_clips

NAMES = {case: f"audio/{case:032x}.flac" for case in range(6)}


def evaluation(folder: Path) -> list[Case]:
    """Six cases with recordings; `s2` spoke them all, `s3` all but one."""
    context = (
        CaseTurn(role="system", text="场景：厨房。\n角色：\n- 角色1：冷静", codes=()),
        CaseTurn(role="human", text="角色2：你从没说过！", codes=()),
        CaseTurn(role="assistant", text="你从没说过！", codes=(4,)),
        CaseTurn(role="human", text="角色1：是吗？", codes=()),
    )
    cases = [
        Case(
            id=f"{'rp_audio_history' if n % 2 else 'tr_easy'}-zh-{n:04d}",
            task="rp_audio_history" if n % 2 else "tr_easy",
            language="zh",
            text="是吗？",
            emotion=None if n % 2 else "happy",
            truth_codes=(1,),
            truth_audio=NAMES[n],
            reference_audio=None if n % 2 else NAMES[(n + 2) % 6],
            context=context if n % 2 else (),
        )
        for n in range(6)
    ]
    folder.mkdir()
    write_cases(folder, Cases(tuple(cases), {}))
    for number, name in NAMES.items():
        write_tone(folder / name, 200 + 10 * number)
    for system in ("s2", "s3"):
        where = system_folder(folder, system)
        rows = []
        for case in cases:
            spoken = system == "s2" or case != cases[-1]
            audio = f"audio/{case.id}.flac" if spoken else None
            made = {"key": case.id, "case_id": case.id, "case_sha256": case.fingerprint}
            rows.append(Generated(**made, codes=(2,), audio=audio))  # type: ignore[arg-type]
            if audio is not None:
                write_tone(where / audio, 400)
        pq.write_table(table_of(Generated, rows), where / GENERATED)
    return cases


def test_what_an_evaluation_made_can_be_listened_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "evaluation"
    cases = evaluation(folder)
    assert main(["collect", "--folder", str(folder), "--systems", "s2", "s3"]) == 0
    said = capsys.readouterr().out
    assert "ground_truth: 6 clips\ns2: 6 clips\ns3: 5 clips\n" in said
    table = folder / "clips.jsonl"
    clips, unused = read_clips(table)
    assert not unused and len(clips) == 17
    first, second = clips[:2]
    assert (first.emotion, first.reference, first.scene) == ("happy", NAMES[2], None)
    assert second.scene == cases[1].context[0].text and second.emotion is None
    assert second.history == ("角色2：你从没说过！",) and second.text == "角色1：是吗？"
    arguments = ["--config", str(ROOT / CONFIG), "--set", "cases=2", "--set", "raters=4"]
    for test in ("q_mos", "mos", "cmos"):
        output = str(tmp_path / test)
        more = ["make", "--test", test, "--clips", str(table), "--output", output]
        assert main([*more, *arguments]) == 0
    key = json.loads((tmp_path / "q_mos" / "key.json").read_text())
    counted = [item for item in key["items"].values() if item["low"] is None]
    assert len(counted) == 2 * 2 * 3 and cases[-1].id not in {item["case"] for item in counted}


def test_a_system_that_did_not_speak_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation(tmp_path / "evaluation")
    folder = str(tmp_path / "evaluation")
    assert main(["collect", "--folder", folder, "--systems", "s9"]) == 2
    assert "generate" in capsys.readouterr().err
    assert not (tmp_path / "evaluation" / "clips.jsonl").exists()
