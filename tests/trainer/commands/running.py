"""The training commands with their tiny configurations, here or in processes of their own."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.trainer.demo import ROOT
from trainer.loop.logs import read_log

STAGES = {
    "flexivoice_pretrain": "sft",
    "flexivoice_s1": "dpo",
    "flexivoice_s2": "grpo",
    "flexivoice_s3": "grpo",
    "rp_tts_sft": "sft",
    "rp_tts_grpo": "grpo",
}
# What a run without models that listen is judged by: an eighth of the codes.
RULE = (
    "rewards={rule: {rule: codes, first: 0, last: 31}}",
    "asks={s2: [rule]}",
    "weights={}",
    "speech_tokenizer=null",
    "model.path=data/models/tiny_flexivoice",
)
_OF_TIME = ("seconds", "tokens_per_s")


def arguments(stage: str, output: str, *changes: str) -> list[str]:
    """Of the command that runs a tiny configuration."""
    config = str(ROOT / "trainer" / "configs" / "tiny" / f"{stage}.yaml")
    sets = [part for change in changes for part in ("--set", change)]
    return ["--config", config, "--output", output, *sets]


def run(stage: str, output: str, *changes: str) -> int:
    """Runs it here; gives the exit status."""
    main = importlib.import_module(f"trainer.{STAGES[stage]}").main
    status: int = main(arguments(stage, output, *changes))
    return status


def start(
    stage: str, output: str, *changes: str, launcher: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Runs it in a process of its own, from the working directory."""
    module = f"trainer.{STAGES[stage]}"
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", module, *arguments(stage, output, *changes)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def on_two_ranks(stage: str, output: str, *changes: str) -> tuple[int, str]:
    """Runs it under torchrun; gives its exit status, and what it said."""
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")
    process = start(stage, output, *changes, launcher=launcher)
    _, said = process.communicate(timeout=240)
    return process.returncode, said


def log(output: str) -> list[dict[str, float]]:
    """What a run logged, without what depends on the clock."""
    return [
        {name: value for name, value in entry.items() if name not in _OF_TIME}
        for entry in read_log(Path(output))
    ]
