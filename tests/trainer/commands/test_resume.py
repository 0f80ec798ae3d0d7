"""Runs that are killed, and runs on several ranks, against one that is neither."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.commands.running import RULE, log, on_two_ranks, run, start

SFT = ("loop.max_steps=12", "loop.checkpoint_every=3")
GRPO = (*RULE, "loop.max_steps=6", "loop.checkpoint_every=2")


def kill_after(lines: int, stage: str, output: str, *changes: str) -> None:
    """Starts a run and kills it, by force, when it has logged so many steps."""
    path = Path(output, "log.jsonl")
    process = start(stage, output, *changes)
    deadline = time.monotonic() + 240
    while not (path.is_file() and path.read_text().count("\n") >= lines):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("stage", "changes", "after"), [("flexivoice_pretrain", SFT, 7), ("flexivoice_s2", GRPO, 3)]
)
def test_a_killed_run_goes_on_as_if_nothing_had_been(
    demo: Path, stage: str, changes: tuple[str, ...], after: int
) -> None:
    whole, killed = f"runs/whole_{stage}", f"runs/killed_{stage}"
    assert run(stage, whole, *changes) == 0
    kill_after(after, stage, killed, *changes)
    assert not Path(killed, "model").exists()
    assert list(Path(killed, "checkpoints").glob("step-*[0-9]"))
    assert run(stage, killed, *changes) == 0
    assert log(killed) == log(whole)
    assert weights(killed).keys() == weights(whole).keys()
    for name, weight in weights(whole).items():
        assert torch.equal(weight, weights(killed)[name]), name


def weights(output: str) -> dict[str, torch.Tensor]:
    return load_file(Path(output, "model", "model.safetensors"))


def test_half_a_line_of_the_log_is_taken_away(demo: Path) -> None:
    changes = (*RULE, "loop.max_steps=2", "loop.checkpoint_every=1")
    assert run("flexivoice_s2", "runs/torn", *changes) == 0
    whole = log("runs/torn")
    with Path("runs/torn/log.jsonl").open("a") as stream:
        stream.write('{"step": 2, "lo')
    assert run("flexivoice_s2", "runs/torn", *changes) == 0  # nothing is left to do
    assert log("runs/torn") == whole


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        ("flexivoice_pretrain", ("loop.max_steps=5",)),
        ("flexivoice_s2", (*RULE, "loop.max_steps=3", "rollouts.max_tokens=48")),
    ],
)
def test_two_ranks_do_what_one_does(
    demo: Path, stage: str, changes: tuple[str, ...], strategy: str
) -> None:
    output = f"runs/{stage}_{strategy}"
    changes = (*changes, f"loop.strategy={strategy}")
    assert run(stage, f"{output}_1", *changes) == 0
    status, said = on_two_ranks(stage, f"{output}_2", *changes)
    assert status == 0, said[-3000:]
    one, two = log(f"{output}_1"), log(f"{output}_2")
    for name in ("loss", "tokens", *(["reward", "kl"] if "s2" in stage else [])):
        assert [e[name] for e in two] == pytest.approx([e[name] for e in one], abs=1e-6), name
    for name, weight in weights(f"{output}_1").items():
        torch.testing.assert_close(weights(f"{output}_2")[name], weight, atol=1e-4, rtol=1e-3)
    # One rank cannot go on with what two began.
    assert run(stage, f"{output}_2", *changes) == 2


def test_two_ranks_train_adapters(demo: Path) -> None:
    changes = (
        "model.path=data/models/tiny_flexivoice",
        "model.lora={rank: 4, alpha: 8}",
        "loop.max_steps=3",
    )
    assert run("flexivoice_s1", "runs/lora_1", *changes) == 0
    status, said = on_two_ranks("flexivoice_s1", "runs/lora_2", *changes)
    assert status == 0, said[-3000:]
    losses = [[entry["loss"] for entry in log(f"runs/lora_{n}")] for n in (1, 2)]
    assert losses[1][0] == pytest.approx(losses[0][0], abs=1e-6)
    # AdamW's first steps go by a gradient's sign: where it is nearly 0, noise decides.
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)
    for name, weight in weights("runs/lora_1").items():
        torch.testing.assert_close(weights("runs/lora_2")[name], weight, atol=1e-4, rtol=1e-3)
