"""MCLP as a command: the numbers of the scorer, in parts that survive a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from tests.trainer.demo import ROOT
from trainer.data.cuts import CodedFolder
from trainer.mclp import MclpScorer, Pair
from trainer.models import load_scorer, load_tokenizer
from trainer.score import main
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab, step_audio_2

MODEL = "data/models/tiny_step_audio_2"
SHARDS = "data/wenetspeech/codes/train"


def score(path: str, output: str, *more: str) -> int:
    config = str(ROOT / "trainer" / "configs" / "tiny" / "score.yaml")
    return main(["--config", config, "--input", path, "--output", output, *more])


def rows(output: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(Path(output).glob("part-*.parquet")):
        found += pq.read_table(path).to_pylist()
    return found


def scorer() -> MclpScorer:
    tokenizer = load_tokenizer(MODEL)
    layout = Ta4Layout(SpeechVocab.from_tokenizer(tokenizer, step_audio_2(256)), tokenizer)
    return MclpScorer(load_scorer(MODEL, "float32", torch.device("cpu")), layout)


def write_pairs(path: Path, count: int, **changes: object) -> None:
    lines = []
    for number in range(count):
        codes = [(7 * number + n) % 256 for n in range(20 + number)]
        line = {
            "cut_id": f"cut{number:03d}",
            "turn": number % 3,
            "candidate_id": "ab"[number % 2],
            "text": f"line {number}",
            "candidate": codes[::-1],
            "truth": codes,
        }
        lines.append(json.dumps(line | changes))
    path.write_text("\n".join(lines) + "\n")


def test_every_turn_of_shards_gets_the_scorers_own_score(demo: Path) -> None:
    assert score(SHARDS, "mclp") == 0
    turns = CodedFolder(SHARDS).read(0).turns
    wanted = scorer().score([Pair(turn.text, turn.codes, turn.codes) for turn in turns])
    found = rows("mclp")
    assert [row["mclp"] for row in found] == pytest.approx(wanted, abs=1e-5)
    assert [(row["cut_id"], row["turn"]) for row in found] == [
        (turn.cut.manifest["id"], turn.number) for turn in turns
    ]
    assert all(row["n_tokens"] == len(turn.codes) for row, turn in zip(found, turns, strict=True))
    assert {row["candidate_id"] for row in found} == {"truth"}
    about = json.loads(pq.read_schema("mclp/part-000000.parquet").metadata[b"mclp"])["scorer"]
    assert about["delimiters"] == "markers" and about["dtype"] == "float32"
    assert len(about["weights_sha256"]) == len(about["template_sha256"]) == 64
    summary = json.loads(Path("mclp/score.json").read_text())
    assert summary["in"] == summary["out"] == len(turns) and summary["rejected"] == {}
    assert summary["mclp"]["truth"] == pytest.approx(sum(wanted) / len(wanted), abs=1e-5)


def test_candidates_are_held_against_the_ground_truth(demo: Path) -> None:
    more = ["--candidates", f"same={SHARDS}", f"again={SHARDS}"]
    assert score(SHARDS, "mclp_two", *more, "--set", "turns=last") == 0
    found = rows("mclp_two")
    by_name = {name: [r for r in found if r["candidate_id"] == name] for name in ("same", "again")}
    assert len(by_name["same"]) == len(by_name["again"]) == 4  # scenes
    assert {row["turn"] for row in found} == {2}
    assert [r["mclp"] for r in by_name["same"]] == [r["mclp"] for r in by_name["again"]]


def test_what_cannot_be_scored_is_counted_and_keeps_nothing_else_back(demo: Path) -> None:
    path = demo / "odd.jsonl"
    write_pairs(path, 3)
    good = path.read_text()
    write_pairs(path, 1, text="<tts_end>")
    strange = path.read_text()
    write_pairs(path, 1, candidate=[256])
    path.write_text(good + strange + path.read_text())
    assert score(str(path), "mclp_odd") == 0
    found = rows("mclp_odd")
    assert [row["reason"] for row in found] == [None] * 3 + ["not_scorable"] * 2
    assert [row["mclp"] is None for row in found] == [False] * 3 + [True] * 2
    assert "special token" in found[3]["detail"] and "256" in found[4]["detail"]
    summary = json.loads(Path("mclp_odd/score.json").read_text())
    assert (summary["in"], summary["out"]) == (5, 3)
    assert summary["rejected"] == {"not_scorable": 2}


def test_a_killed_run_goes_on_with_the_parts_that_are_missing(demo: Path) -> None:
    path = demo / "many.jsonl"
    write_pairs(path, 120)
    parts = ["--set", "pairs_per_part=4"]
    config = str(ROOT / "trainer" / "configs" / "tiny" / "score.yaml")
    command = ["--config", config, "--input", str(path), "--output", "mclp_killed", *parts]
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer.score", *command],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 240
    while len(list(Path("mclp_killed").glob("part-*.parquet"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    there = {p.name: p.stat().st_mtime_ns for p in Path("mclp_killed").glob("part-*.parquet")}
    assert 3 <= len(there) < 30 and not Path("mclp_killed/score.json").exists()
    assert score(str(path), "mclp_killed", *parts) == 0
    after = {p.name: p.stat().st_mtime_ns for p in Path("mclp_killed").glob("part-*.parquet")}
    assert len(after) == 30
    assert {name: after[name] for name in there} == there  # none was made again
    assert score(str(path), "mclp_whole", *parts) == 0
    for one in Path("mclp_whole").iterdir():
        assert one.read_bytes() == Path("mclp_killed", one.name).read_bytes(), one.name


def test_bad_input_is_one_line(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = demo / "pairs.jsonl"
    write_pairs(path, 5)
    assert score(str(path), "mclp_own") == 0
    write_pairs(demo / "others.jsonl", 5, text="other words")
    (demo / "broken.jsonl").write_text(path.read_text() + '{"cut_id": 1}\n')
    (demo / "empty.jsonl").write_text("")
    shutil.copytree(SHARDS, "without_codes", ignore=shutil.ignore_patterns("codes.*"))
    two = ["--candidates", f"a={SHARDS}", f"a={SHARDS}"]
    for status, arguments, message in (
        (2, [str(path), "mclp_own", "--set", "scorer.delimiters=chat"], "scores of another scorer"),
        (2, ["others.jsonl", "mclp_own"], "or of other pairs"),
        (2, ["broken.jsonl", "wrong"], "broken.jsonl line 6: cut_id: Input should be"),
        (2, ["empty.jsonl", "wrong"], "no pairs there"),
        (2, ["none.jsonl", "wrong"], "none.jsonl: No such file"),
        (2, ["without_codes", "wrong"], "a shard without codes; run trainer.tokenize"),
        (2, [str(path), "wrong", "--set", "model=data/none"], "data/none"),
        (2, [str(path), "wrong", "--candidates", "a=b"], "--candidates goes with a folder"),
        (2, [SHARDS, "wrong", *two], "every name once"),
        (2, [SHARDS, "wrong", "--set", "vocab.n_codes=100"], "100"),
        (
            2,
            [SHARDS, "wrong", "--set", "vocab.names=flexivoice"],
            "vocab.names: Input should be 'step",
        ),
    ):
        capsys.readouterr()
        assert score(arguments[0], arguments[1], *arguments[2:]) == status, arguments
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1, error
    assert not Path("wrong").exists()


def test_a_dry_run_counts(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(SHARDS, "mclp_dry", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "would score 12 pairs at most in 1 parts" in said and "0 parts are there" in said
    assert not Path("mclp_dry").exists()
