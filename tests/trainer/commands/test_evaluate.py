"""The evaluation as a person runs it: cases, speech, verdicts, tables; killed and gone on with."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from tests.trainer.demo import ROOT
from tests.trainer.listening import campplus
from tests.trainer.rewards.judge_server import JudgeServer
from trainer.audio_models.settings import WhisperSettings
from trainer.audio_models.whisper import WhisperTranscriber
from trainer.evaluate import SUBCOMMANDS, main
from trainer.evaluating.case import Case, read_cases
from trainer.evaluating.generated import Generated, read_generated
from trainer.evaluating.sounds import read_sound
from trainer.mclp import MclpScorer, Pair
from trainer.metrics.error_rates import characters, error_rate, pinyin
from trainer.metrics.measurement import Measurement, read_measurements
from trainer.models import load_scorer, load_tokenizer
from trainer.speech import kmeans
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab, step_audio_2

CONFIG = str(ROOT / "trainer" / "configs" / "tiny" / "evaluate.yaml")
SCORER = "data/models/tiny_step_audio_2"
MODELS = [  # untrained ones, where the demo has trained
    *("--set", "systems.flexivoice_s2.model.path=data/models/tiny_flexivoice"),
    *("--set", f"systems.rp_tts_grpo.model.path={SCORER}"),
    *("--set", "cases.role_play.folder=data/wenetspeech/codes/test"),
    *("--set", "cases.role_play.audio=data/wenetspeech/emit/test"),
]
CODED = ["--config", str(ROOT / "trainer" / "configs" / "tokenize.yaml")]
SHORT = ["--set", "systems.flexivoice_s2.sampling.max_tokens=12"]


def evaluate(word: str, folder: str, *more: str) -> int:
    return main([word, "--config", CONFIG, "--folder", folder, *MODELS, *more])


@pytest.fixture(scope="module")
def evaluated(made_demo: Path) -> Path:
    """The demo, and an evaluation from cases to figures."""
    with contextlib.chdir(made_demo):
        for word in ("cases", "generate", "score"):
            assert evaluate(word, "ev") == 0, word
    return made_demo


@pytest.fixture
def folder(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The evaluation's folder, in the working directory."""
    monkeypatch.chdir(evaluated)
    return Path("ev")


def measured(folder: Path, system: str) -> dict[tuple[str, str, str], Measurement]:
    found = read_measurements(folder / "scores" / system / "measurements.jsonl")
    return {(one.task, one.language, one.metric): one for one in found}


def spoken(folder: Path, system: str) -> list[tuple[Case, Generated]]:
    cases = {case.id: case for case in read_cases(folder).rows}
    return [(cases[row.case_id], row) for row in read_generated(folder, system)]


def of(
    pairs: list[tuple[Case, Generated]], task: str, language: str
) -> list[tuple[Case, Generated]]:
    return [pair for pair in pairs if (pair[0].task, pair[0].language) == (task, language)]


def test_cases_are_balanced_and_spoken_to_the_last(folder: Path) -> None:
    counts = read_cases(folder).counts()
    for task in ("to_easy", "to_hard", "tr_easy", "tr_hard"):
        assert counts[f"{task} en"] == counts[f"{task} zh"] == 5
    assert counts["speed en"] == counts["pitch zh"] == 3
    assert counts["rp_audio_history zh"] == counts["rp_no_audio_history zh"] == 1
    codec = kmeans.load("data/codec.safetensors")
    pairs = spoken(folder, "flexivoice_s2") + spoken(folder, "rp_tts_grpo")
    assert len(pairs) == sum(counts.values())
    for case, row in pairs:
        assert row.reason is None and row.audio == f"audio/{case.id}.flac"
        system = "rp_tts_grpo" if case.task.startswith("rp_") else "flexivoice_s2"
        sound = read_sound(folder / "systems" / system / row.audio)
        assert len(sound) / 16000 == pytest.approx(row.seconds, abs=1e-3)
        assert row.seconds == pytest.approx(len(row.codes) / codec.frame_rate, abs=0.05)


def test_figures_are_what_the_judges_themselves_say(folder: Path) -> None:
    found = measured(folder, "rp_tts_grpo")
    pairs = spoken(folder, "rp_tts_grpo")
    case, row = pairs[0]
    assert [one.task for one, _ in pairs] == ["rp_audio_history", "rp_no_audio_history"]
    tokenizer = load_tokenizer(SCORER)
    layout = Ta4Layout(SpeechVocab.from_tokenizer(tokenizer, step_audio_2(256)), tokenizer)
    scorer = MclpScorer(load_scorer(SCORER, "float32", torch.device("cpu")), layout)
    wanted = scorer.score([Pair(case.text, row.codes, case.truth_codes)])[0]
    assert found["rp_audio_history", "zh", "mclp"].value == pytest.approx(wanted, abs=1e-5)
    sounds = [read_sound(folder / "systems/rp_tts_grpo" / str(one.audio)) for _, one in pairs]
    whisper = WhisperTranscriber(WhisperSettings(windows_s=(5.0, 10.0, 30.0)))
    text = whisper.transcribe(sounds, ["zh", "zh"])[:1]  # in one batch, as they were judged
    for metric, by in (("cer", characters), ("pinyin_wer", pinyin)):
        wanted_rate = error_rate([case.text], text, by).value
        assert found["rp_audio_history", "zh", metric].value == pytest.approx(wanted_rate)
    pairs = of(spoken(folder, "flexivoice_s2"), "tr_hard", "en")
    same = 0
    for case, row in pairs:
        mine = read_sound(folder / "systems/flexivoice_s2" / str(row.audio))
        voice = read_sound(folder / str(case.reference_audio))
        one, other = campplus().embed([mine, voice])
        same += bool(one @ other >= 0.31)
    assert measured(folder, "flexivoice_s2")["tr_hard", "en", "sv"].value == 20.0 * same


def test_every_metric_is_filled_or_says_what_it_needs(folder: Path) -> None:
    for system in ("flexivoice_s2", "rp_tts_grpo", "ground_truth"):
        for key, one in measured(folder, system).items():
            assert (one.value is None) != (one.missing is None), key
            assert (one.value is None) == (one.judge is None), key
    mine = measured(folder, "flexivoice_s2")
    assert mine["to_easy", "en", "wer"].judge == "whisper-base, normaliser 1"
    assert "pip install funasr" in str(mine["to_hard", "zh", "acc_t"].missing)
    assert mine["pitch", "en", "spearman"].value is not None
    truth = measured(folder, "ground_truth")
    assert truth["tr_easy", "zh", "cer"].value == truth["to_easy", "zh", "cer"].value is not None
    assert "no ground truth" in str(truth["to_hard", "en", "acc_i"].missing)


def test_the_report_has_the_papers_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--folder", str(folder)]) == 0
    said = capsys.readouterr().out
    for name in ("Table 2", "Table 3", "Table 4", "Table 5", "Table 8", "97.4", "-4.636", "here"):
        assert name in said, name
    page = (folder / "report" / "tables.html").read_text()
    assert "flexivoice_s2" in page and "http://" not in page and "<script src" not in page
    assert (folder / "report" / "tables.md").read_text() in said
    assert "flexivoice_s2" in (folder / "report" / "flexivoice_2.csv").read_text()


def test_a_missing_figure_gives_way_to_a_measured_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mos = measured(folder, "flexivoice_s2")["to_easy", "en", "q_mos"]
    line = {**{name: getattr(mos, name) for name in Measurement.__slots__}}
    line |= {"value": 4.25, "missing": None, "count": 15, "judge": "5 people"}
    Path("listened.jsonl").write_text(json.dumps(line) + "\n")
    more = ["--measurements", "listened.jsonl", "--without-papers"]
    assert main(["report", "--folder", str(folder), *more]) == 0
    assert "4.25 (n=15)" in capsys.readouterr().out


def test_again_makes_nothing_anew(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    assert evaluate("generate", str(folder)) == 0
    assert "0 of 52 cases generated here" in capsys.readouterr().out
    assert evaluate("score", str(folder), "--set", "score.speaker.threshold=-1.0") == 0
    assert {path: path.read_bytes() for path in folder.rglob("*.parquet")} == there
    assert measured(folder, "flexivoice_s2")["tr_hard", "en", "sv"].value == 100.0
    assert evaluate("score", str(folder)) == 0  # as it was, for the other tests


def test_the_seed_decides_and_the_batch_does_not(folder: Path) -> None:
    assert evaluate("cases", "ev_again") == 0
    assert Path("ev_again/cases.parquet").read_bytes() == (folder / "cases.parquet").read_bytes()
    assert evaluate("cases", "ev_other", "--set", "cases.seed=1") == 0
    assert Path("ev_other/cases.parquet").read_bytes() != (folder / "cases.parquet").read_bytes()
    one = ["--system", "flexivoice_s2", "--set", "systems.flexivoice_s2.tasks=[tr_hard, to_easy]"]
    for name, batch in (("ev_b3", 3), ("ev_b16", 16)):
        shutil.copytree("ev_again", name)
        size = ["--set", f"systems.flexivoice_s2.batch={batch}"]
        assert evaluate("generate", name, *one, *SHORT, *size) == 0
    small, large = (read_generated(Path(name), "flexivoice_s2") for name in ("ev_b3", "ev_b16"))
    assert [row.codes for row in small] == [row.codes for row in large]
    assert len({row.codes for row in small}) == len(small) == 20


def test_a_killed_generation_goes_on(folder: Path) -> None:
    one = ["--system", "flexivoice_s2", *SHORT, "--set", "systems.flexivoice_s2.batch=2"]
    for name in ("ev_killed", "ev_whole"):
        Path(name).mkdir()
        shutil.copy(folder / "cases.parquet", name)
    command = ["generate", "--config", CONFIG, "--folder", "ev_killed", *MODELS, *one]
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer.evaluate", *command],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    parts = Path("ev_killed/systems/flexivoice_s2/generated.parts")
    deadline = time.monotonic() + 240
    while len(list(parts.glob("*.parquet"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    there = {path.name for path in parts.glob("*.parquet")}
    sounds = {
        path: path.stat().st_mtime_ns
        for part in parts.glob("*.parquet")
        for row in pq.read_table(part).to_pylist()
        for path in [parts.parent / row["audio"]]
    }
    assert 3 <= len(there) < 26 and not (parts.parent / "generated.parquet").exists()
    assert evaluate("score", "ev_killed", "--system", "flexivoice_s2") == 2  # not finished
    for name in ("ev_killed", "ev_whole"):
        assert evaluate("generate", name, *one) == 0
    assert {path: path.stat().st_mtime_ns for path in sounds} == sounds
    whole, killed = (
        (Path(name) / "systems/flexivoice_s2/generated.parquet").read_bytes()
        for name in ("ev_whole", "ev_killed")
    )
    assert whole == killed and not parts.exists()


def test_recordings_are_kept_with_the_cases(folder: Path) -> None:
    corpora = (
        "cases.decoupling.corpora=[{language: en, folder: data/esd/codes, audio: data/esd/emit}]"
    )
    few = ["--set", corpora, "--set", "cases.prosody=null", "--set", "cases.role_play=null"]
    assert evaluate("cases", "ev_recorded", *few) == 0
    cases = read_cases(Path("ev_recorded")).rows
    for case in cases:
        assert (case.truth_audio is None) == (case.task == "to_hard")
        assert (case.reference_audio is None) == (not case.task.startswith("tr_"))
        if case.truth_audio is not None:
            seconds = len(read_sound(Path("ev_recorded") / case.truth_audio)) / 16000
            assert seconds == pytest.approx(len(case.truth_codes) / 25, abs=0.05)
    more = ["--system", "ground_truth", "--set", "score.transcriber=null"]
    assert evaluate("score", "ev_recorded", *few, *more) == 0
    found = measured(Path("ev_recorded"), "ground_truth")
    assert found["tr_easy", "en", "sv"].value is not None
    assert (
        found["tr_easy", "en", "wer"].missing == "not in the configuration: set score.transcriber"
    )


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    with JudgeServer() as running:
        yield running


def test_instruct_tts_eval_with_a_server_that_hears(
    folder: Path, server: JudgeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"APS": ["true", "true"], "DSD": ["true", "false"], "RP": ["false", "maybe"]}
    items = [
        {"id": str(n), "text": f"Line {n}."}
        | {kind: {"instruction": said[n], "gen_path": "x.wav"} for kind, said in answers.items()}
        for n in range(2)
    ]
    Path("instruct.json").write_text(json.dumps(items))
    arguments = ["--input", "en=instruct.json", *SHORT]
    arguments += ["--set", f"score.instruction={{base_url: '{server.base_url}', wait_s: 0.01}}"]
    assert evaluate("instruct", "ev_instruct", *arguments, "--dry-run") == 0
    assert not Path("ev_instruct").exists()
    assert "would generate 6 cases of 6" in capsys.readouterr().out
    assert evaluate("instruct", "ev_instruct", *arguments) == 0
    found = measured(Path("ev_instruct"), "flexivoice_s2")
    assert found["aps", "en", "accuracy"].value == 100.0
    assert found["dsd", "en", "accuracy"].value == 50.0
    assert (found["rp", "en", "accuracy"].value, found["rp", "en", "accuracy"].count) == (0.0, 1)
    assert found["instruct_average", "en", "accuracy"].value == pytest.approx(50.0)
    asked = len(server.bodies)
    assert evaluate("instruct", "ev_instruct", *arguments) == 0
    assert len(server.bodies) == asked + 1  # only what had no verdict is asked again


def test_judges_agreement_and_win_rate(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, people = tmp_path / "mine.csv", tmp_path / "people.jsonl"
    mine.write_text("id,verdict\na,yes\nb,yes\nc,no\nd,\ne,no\n")
    lines = [("a", True), ("b", False), ("c", False), ("d", True), ("x", True)]
    people.write_text("".join(json.dumps({"id": i, "verdict": v}) + "\n" for i, v in lines))
    out = tmp_path / "f1.json"
    command = ["--judge", str(mine), "--against", str(people), "--output", str(out)]
    assert main(["agreement", *command]) == 0
    assert "Macro-F1 0.6667 over 3 cases; 1 without a verdict of both, 2 in one file only" in (
        capsys.readouterr().out
    )
    assert json.loads(out.read_text())["macro_f1"] == pytest.approx(2 / 3)
    ratings = tmp_path / "ratings.csv"
    rows = [f"{n},{n * 0.01},{n // 2}" for n in range(40)]  # never the other way round
    ratings.write_text("line,mclp,mos\n" + "\n".join(rows) + "\n")
    bins = tmp_path / "bins.json"
    arguments = ["--config", CONFIG, "--input", str(ratings), "--output", str(bins)]
    assert main(["win_rate", *arguments, "--set", "win_rate.draws=100"]) == 0
    assert "40 utterances, 780 pairs; 0 of equal MCLP" in capsys.readouterr().out
    rates = [one["win_rate"] for one in json.loads(bins.read_text())["bins"]]
    assert rates[0] < 1.0 and set(rates[1:]) == {1.0}  # equal opinions are near each other only


def test_a_dry_run_counts_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("cases", "ev_dry", "--dry-run") == 0
    assert "would write 54 cases to ev_dry: to_easy en 5" in capsys.readouterr().out
    assert not Path("ev_dry").exists()
    Path("ev_dry").mkdir()
    shutil.copy(folder / "cases.parquet", "ev_dry")
    assert evaluate("generate", "ev_dry", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "flexivoice_s2: would generate 52 cases of 52 (0 rows" in said
    assert "at most 2,080 of speech, in 4 batches" in said
    assert evaluate("score", str(folder), "--dry-run") == 0
    assert "would hear 52 cases at most; files of verdicts there: " in capsys.readouterr().out
    assert [path.name for path in Path("ev_dry").iterdir()] == ["cases.parquet"]


def damaged(folder: Path, name: str, change: Callable[[dict[str, object]], None]) -> str:
    """A copy of the evaluation's cases, one of which is changed."""
    table = pq.read_table(folder / "cases.parquet")
    rows = table.to_pylist()
    change(rows[0])
    Path(name).mkdir(exist_ok=True)
    changed = table.from_pylist(rows, schema=table.schema)
    pq.write_table(changed, f"{name}/cases.parquet")
    return name


def test_bad_input_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = damaged(folder, "ev_out", lambda row: row.update(truth_audio="audio/../../secret.flac"))
    strange = damaged(folder, "ev_strange", lambda row: row.update(id="../x"))
    other = damaged(folder, "ev_others", lambda row: row.update(text="Something else."))
    shutil.copytree(folder / "systems", "ev_others/systems", dirs_exist_ok=True)
    Path("list.json").write_text('[{"id": "1", "text": "a", "APS": {"instruction": "b"}}]')
    no_labels = "cases.decoupling.corpora=[{language: en, folder: data/emilia/codes}]"
    alone = ["--set", no_labels, "--set", "cases.prosody=null", "--set", "cases.role_play=null"]
    for status, arguments, message in (
        (2, ["generate", "ev_none"], "ev_none/cases.parquet is missing: no cases there"),
        (2, ["generate", out], "which is not below audio/"),
        (2, ["score", strange], "has an id that is not task-language-number"),
        (2, ["score", other], "has speech for other cases than these"),
        (2, ["generate", str(folder), "--system", "gpt"], "--system gpt: not in the configuration"),
        (2, ["cases", "ev_wrong", *alone], "the settings give no case at all"),
        (2, ["cases", "ev_wrong", "--set", "cases.decoupling.per_language=7"], "multiple of 5"),
        (2, ["cases", "ev_wrong", "--set", "cases.decoupling.templates=none/v1"], "no templates"),
        (2, ["cases", "ev_wrong", "--set", "systems.ground_truth={}"], "systems.ground_truth"),
        (
            2,
            ["generate", str(folder), "--set", "systems.flexivoice_s2.vocab.n_codes=100"],
            "the model has 100 codes, and kmeans 256",
        ),
        (
            2,
            ["generate", str(folder), "--set", "systems.flexivoice_s2.tasks=[rp_audio_history]"],
            "systems.flexivoice_s2.tasks: rp_audio_history; the layout append has",
        ),
        (2, ["instruct", "ev_wrong", "--input", "list.json"], "give LANGUAGE=FILE"),
        (2, ["instruct", "ev_wrong", "--input", "en=list.json"], "entry 1: DSD: Field required"),
    ):
        capsys.readouterr()
        assert evaluate(arguments[0], arguments[1], *arguments[2:]) == status, arguments
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1, error
    assert not Path("ev_wrong").exists()
    assert main(["report", "--folder", "ev_none"]) == 2
    assert "run python -m trainer.evaluate score" in capsys.readouterr().err


@pytest.mark.parametrize("word", sorted(SUBCOMMANDS))
def test_help_of_every_word_has_examples(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([word, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: python -m trainer.evaluate {word}") and "examples:" in said


@pytest.mark.parametrize("arguments", [[], ["sing"], ["--sing"]])
def test_no_such_word_is_bad_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2 and "usage: python -m trainer.evaluate" in capsys.readouterr().err
