"""All six tiny configurations, one on the model of the other, and a small SFT learnt by heart."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from manifests.codec import read_codec
from tests.trainer.commands.running import STAGES, log, run
from trainer.make_tiny import main as make_tiny

STEPS = {"flexivoice_s1": 6, "flexivoice_s2": 2, "flexivoice_s3": 1, "rp_tts_grpo": 1}


def test_each_stage_goes_on_from_the_model_of_the_one_before(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for stage in STAGES:
        changes = [f"loop.max_steps={STEPS[stage]}"] if stage in STEPS else []
        assert run(stage, f"runs/tiny/{stage}", *changes) == 0, stage
        said = capsys.readouterr().out.splitlines()[-1]
        assert f"model: runs/tiny/{stage}/model" in said
        entries = log(f"runs/tiny/{stage}")
        assert [entry["step"] for entry in entries] == list(range(len(entries)))
        assert len(entries) == STEPS.get(stage, len(entries))
        model = demo / "runs" / "tiny" / stage / "model"
        weights = AutoModelForCausalLM.from_pretrained(model).state_dict()
        assert all(bool(torch.isfinite(weight).all()) for weight in weights.values())
        assert len(AutoTokenizer.from_pretrained(model)) > 256
        assert read_codec(str(model)) == read_codec("data/emilia/codes")

    for stage in ("flexivoice_pretrain", "rp_tts_sft"):
        entries = log(f"runs/tiny/{stage}")
        assert entries[-1]["loss"] < entries[0]["loss"] - 0.5
    first = log("runs/tiny/flexivoice_s1")[0]
    assert first["loss"] == pytest.approx(0.6931, abs=1e-3)  # the policy is its reference yet
    for stage in ("flexivoice_s2", "flexivoice_s3", "rp_tts_grpo"):
        for entry in log(f"runs/tiny/{stage}"):
            assert entry["sampler_gap"] < 1e-5 and entry["reward_cer_failed"] == 0
    s2 = log("runs/tiny/flexivoice_s2")[0]
    assert s2["reward"] == pytest.approx(s2["reward_sv"] - s2["reward_cer"])
    s3 = log("runs/tiny/flexivoice_s3")[0]
    assert s3["reward"] == pytest.approx(s3["reward_sv"] / 2 - s3["reward_cer"])  # of half the rows
    gated = log("runs/tiny/rp_tts_grpo")[0]
    assert gated["reward"] == gated["reward_gated"] >= 0 > gated["reward_mclp"]


def test_32_utterances_of_real_speech_are_learnt_by_heart(demo: Path) -> None:
    changes = (
        "data.sources=[{name: game_voice, folder: data/game_voice/codes}]",
        "data.rows_per_batch=32",  # all there are
        "loop.epochs=130",
        "loop.checkpoint_every=1000",
        "optim.learning_rate=1e-2",
    )
    assert run("flexivoice_pretrain", "runs/by_heart", *changes) == 0
    entries = log("runs/by_heart")
    assert len(entries) == 130 and entries[0]["rows"] == 32
    assert entries[0]["loss"] > 5.5  # of 256 codes that are equally likely
    assert entries[-1]["loss"] < 0.05


def test_adapters_are_trained_alone_and_merged_when_saved(demo: Path) -> None:
    lora = "model.lora={rank: 4, alpha: 8}"
    base = demo / "data" / "models" / "tiny_flexivoice"
    changes = ("model.path=data/models/tiny_flexivoice", "loop.max_steps=3", lora)
    assert run("flexivoice_s1", "runs/lora", *changes) == 0
    before = AutoModelForCausalLM.from_pretrained(base).state_dict()
    after = AutoModelForCausalLM.from_pretrained(demo / "runs" / "lora" / "model").state_dict()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all("self_attn" in name for name in changed)


def test_a_dry_run_checks_and_writes_nothing(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.trainer.commands.running import RULE, arguments
    from trainer.grpo import main

    assert main([*arguments("flexivoice_s2", "runs/dry", *RULE), "--dry-run"]) == 0
    assert "4 steps of 2 rows from 1 sources" in capsys.readouterr().out
    assert not Path("runs/dry").exists()


def test_a_tiny_model_says_what_it_is(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["--names", "step_audio_2"]
    assert make_tiny([*names, "--n-codes", "8", "--output", "tiny"]) == 0
    assert "random weights (seed 0: it knows no language and no voice)" in capsys.readouterr().out
    for wrong, message in (
        (["--n-codes", "8", "--output", "tiny"], "tiny is not empty"),
        (["--n-codes", "0", "--output", "other"], "--n-codes 0: from 1 to 32,768"),
        (["--codes", "data/emilia/emit", "--output", "other"], "run trainer.tokenize"),
        (["--n-codes", "8", "--hidden", "60", "--output", "other"], "--hidden 60: a multiple of 8"),
    ):
        assert make_tiny([*names, *wrong]) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
