import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.trainer.loop.toy import VOCAB, NextToken, Rows, run
from trainer.errors import DataError, UsageError
from trainer.loop.checkpoint import Checkpoints
from trainer.loop.logs import read_log
from trainer.loop.loop import NotFinite, clip, train
from trainer.loop.optim import learning_rate, make_optimizer
from trainer.loop.ranks import Ranks
from trainer.loop.settings import LoopSettings, OptimSettings
from trainer.loop.task import StepLoss
from trainer.tiny import tiny_model

ONE = Ranks(0, 1, torch.device("cpu"))
ROOT = Path(__file__).parents[3]


def losses(folder: Path) -> list[float]:
    return [entry["loss"] for entry in read_log(folder)]


def test_it_learns_and_says_so(tmp_path: Path) -> None:
    run(tmp_path, 12)
    found = losses(tmp_path)
    assert len(found) == 12
    assert found[-1] < found[0]
    entry = read_log(tmp_path)[0]
    assert entry["rows"] == 4 and entry["tokens"] >= 8 and entry["learning_rate"] > 0
    assert any((tmp_path / "tensorboard").iterdir())


@pytest.mark.parametrize("killed_after", [3, 5, 6])
def test_a_run_that_was_killed_goes_on_to_the_bit(tmp_path: Path, killed_after: int) -> None:
    whole = run(tmp_path / "whole", 8, every=2)
    run(tmp_path / "killed", killed_after, every=2, total=8)
    resumed = run(tmp_path / "killed", 8, every=2)
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_ranks_have_the_loss_of_one(tmp_path: Path, strategy: str) -> None:
    run(tmp_path / "one", 5)
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"),
        *("-m", "tests.trainer.loop.toy", str(tmp_path / "two"), "5", strategy),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-6)
    norms = [[entry["grad_norm"] for entry in read_log(tmp_path / n)] for n in ("one", "two")]
    assert norms[1] == pytest.approx(norms[0], rel=1e-5)


def start(folder: Path, **changes: object) -> None:
    settings: dict[str, object] = {
        "model": tiny_model(VOCAB, hidden=32),
        "task": NextToken(ONE),
        "stream": Rows(),
        "ranks": ONE,
        "loop": LoopSettings(checkpoint_every=2),
        "optim": OptimSettings(learning_rate=0.01),
        "total_steps": 4,
        "folder": folder,
        "fingerprint": "a",
    }
    train(**{**settings, **changes})  # type: ignore[arg-type]


def test_another_configuration_does_not_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    start(tmp_path)
    with pytest.raises(UsageError, match="another configuration"):
        start(tmp_path, fingerprint="b", total_steps=6)


def test_another_number_of_ranks_does_not_either(tmp_path: Path) -> None:
    start(tmp_path)
    about = tmp_path / "checkpoints" / "step-00000004" / "checkpoint.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"world_size": 8}))
    with pytest.raises(UsageError, match="made by 8 ranks, this run has 1"):
        start(tmp_path, total_steps=6)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    start(tmp_path)
    (tmp_path / "checkpoints" / "step-00000004" / "rank-0.pt").unlink()
    with pytest.raises(DataError, match="step-00000004: damaged"):
        start(tmp_path, total_steps=6)


def test_an_unfinished_checkpoint_is_not_one(tmp_path: Path) -> None:
    start(tmp_path)
    checkpoints = Checkpoints(tmp_path, ONE, "a", keep=2)
    (tmp_path / "checkpoints" / "step-00000009").mkdir()
    (tmp_path / "checkpoints" / "step-00000008.tmp").mkdir()
    newest = checkpoints.latest()
    assert newest is not None and newest.name == "step-00000004"


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    start(tmp_path, loop=LoopSettings(checkpoint_every=1, keep_checkpoints=2))
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["step-00000003", "step-00000004"]


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    class Broken(NextToken):
        def loss(self, model: torch.nn.Module, microbatch: list[int]) -> StepLoss:
            return StepLoss(super().loss(model, microbatch).total * float("nan"))

    with pytest.raises(NotFinite, match="step 0: the loss is nan"):
        start(tmp_path, task=Broken(ONE))


def test_the_gradient_is_the_one_of_all_rows_together() -> None:
    model = tiny_model(VOCAB, hidden=32)
    task = NextToken(ONE)
    rows = next(iter(Rows()))
    weight = sum(task.weight(row) for row in rows)
    torch.stack([task.loss(model, row).total for row in rows]).sum().div(weight).backward()
    wanted = float(clip(model, None))
    model.zero_grad()
    for row in rows:
        (task.loss(model, row).total / weight).backward()
    assert float(clip(model, None)) == pytest.approx(wanted, rel=1e-5)
    assert float(clip(model, wanted / 2)) == pytest.approx(wanted, rel=1e-5)
    assert float(clip(model, None)) == pytest.approx(wanted / 2, rel=1e-4)


def test_warm_up_then_cosine() -> None:
    settings = OptimSettings(learning_rate=2.0, warmup_share=0.1)
    rates = [learning_rate(step, 100, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.2) and rates[9] == rates[10] == pytest.approx(2.0)
    assert all(later <= earlier for earlier, later in zip(rates[10:], rates[11:], strict=False))
    assert 0 < rates[-1] < 0.01
    constant = OptimSettings(learning_rate=2.0, schedule="constant", warmup_share=0.0)
    assert {learning_rate(step, 100, constant) for step in range(100)} == {2.0}


def test_norms_and_biases_do_not_decay() -> None:
    optimizer = make_optimizer(
        tiny_model(VOCAB, hidden=32), OptimSettings(learning_rate=1.0, weight_decay=0.1)
    )
    decays = {
        (weight.ndim, group["weight_decay"])
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    assert decays == {(2, 0.1), (1, 0.0)}
