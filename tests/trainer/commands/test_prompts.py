"""GRPO on S3's prompts, which nobody has spoken, mixed with rows of S2's kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from tests.trainer.commands.running import log, run
from tests.trainer.commands.test_resume import kill_after
from tests.trainer.prompts import prompt_row, write_prompts
from tests.trainer.rewards.judge_server import JudgeServer

MODEL = "model.path=data/models/tiny_flexivoice"
RULE = "{rule: codes, first: 0, last: 127}"
ALONE = "data.sources=[{name: s3, folder: data/s3/emit}]"


def test_prompts_and_speech_in_one_step_each_with_its_rewards(demo: Path) -> None:
    """FlexiVoice 3.2.3: rows of S3 are judged by the model that hears, those of S2 are not."""
    rows = [prompt_row(f"p{n}", instruction="yes|no", text="One word.") for n in range(4)]
    write_prompts(demo / "data" / "judged" / "emit", rows)
    references = "[{share: 1.0, speaker: any, folder: data/game_voice/codes}]"
    speech = f"{{name: s2, folder: data/game_voice/codes, references: {references}}}"
    with JudgeServer() as judge:
        changes = (
            MODEL,
            f"data.sources=[{{name: s3, folder: data/judged/emit}}, {speech}]",
            f"rewards={{llm: {{base_url: '{judge.base_url}'}}, rule: {RULE}}}",
            "asks={s3: [llm], s2: [rule]}",
            "weights={}",
            "loop.max_steps=1",
            "rollouts.max_tokens=24",
        )
        assert run("flexivoice_s3", "runs/s3_judged", *changes) == 0
    (entry,) = log("runs/s3_judged")
    assert 0 < len(judge.bodies) <= 3  # of the one prompt's group of three; silence is not asked
    assert entry["reward_llm"] == pytest.approx(1 / 3)  # yes, then no
    assert entry["reward_llm_failed"] == 0 and 0 < entry["reward_rule"] < 1
    assert entry["dead_groups"] < 1 and entry["sampler_gap"] < 1e-5
    before = AutoModelForCausalLM.from_pretrained("data/models/tiny_flexivoice").state_dict()
    after = AutoModelForCausalLM.from_pretrained("runs/s3_judged/model").state_dict()
    assert any(not before[name].equal(after[name]) for name in before)


def test_a_killed_run_with_prompts_goes_on_exactly(demo: Path) -> None:
    rule = (f"rewards={{rule: {RULE}}}", "asks={s3: [rule], s2: [rule]}", "weights={}", MODEL)
    small = (*rule, "speech_tokenizer=null", "rollouts.max_tokens=16", "loop.max_steps=6")
    changes = (*small, "loop.checkpoint_every=2")
    assert run("flexivoice_s3", "runs/s3_whole", *changes) == 0
    kill_after(3, "flexivoice_s3", "runs/s3_killed", *changes)
    assert run("flexivoice_s3", "runs/s3_killed", *changes) == 0
    assert log("runs/s3_killed") == log("runs/s3_whole")
    assert len(log("runs/s3_whole")) == 6


def test_prompts_alone_are_trained_on_and_refused_where_speech_is_needed(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = (f"rewards={{rule: {RULE}}}", "asks={s3: [rule]}", "weights={}", MODEL)
    small = (*rule, "speech_tokenizer=null", "rollouts.max_tokens=16", "loop.max_steps=1")
    assert run("flexivoice_s3", "runs/s3_alone", ALONE, *small) == 0
    capsys.readouterr()
    pairs = ALONE.replace("}", ", pairs: {differs: emotion}}")
    for stage, source in (("flexivoice_pretrain", ALONE), ("flexivoice_s1", pairs)):
        assert run(stage, f"runs/refused_{stage}", source, MODEL) == 2
        error = capsys.readouterr().err
        assert "data/s3/emit has prompts without speech: nothing to learn from" in error
        assert error.count("\n") == 1 and not Path(f"runs/refused_{stage}").exists()
    listening = ("rewards={sv: {}}", "asks={s3: [sv]}", "weights={}", MODEL)
    assert run("flexivoice_s3", "runs/refused_sv", ALONE, *listening) == 2
    assert "asks for sv and has no reference" in capsys.readouterr().err
