"""One DPO step: ``python -m benchmarks.dpo_speed``.

FlexiVoice's S1 (3.2.1, A.5): four pairs, each of one prompt (template, two short texts and the
codes of a reference) and two answers that say the same; Phi-3.5's ids and 16,384 codes, a small
model. A step is both forward passes, policy and reference, the loss and the backward pass; the
optimiser, the same for all, is left out. TRL 1.16 is its `DPOTrainer._compute_loss`, on the same
weights and batch. Rounds alternate and the fastest of each counts; on one thread of a CPU, in CPU
seconds, so that what else runs on the machine does not. Both must give the same loss.

Bar: 1.5 times TRL on a CPU; its loss within 1e-4 (in bfloat16, on a GPU: 2e-2).
"""

from __future__ import annotations

import argparse
import copy
import os
import random
import sys
import tempfile
import time
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from torch import Tensor

from benchmarks.peers import PeerMissing
from trainer.head import hidden_states, output_head
from trainer.logprobs import selected_logprobs
from trainer.losses import dpo_loss, sequence_sums
from trainer.tiny import tiny_model, tiny_tokenizer
from trainer.vocab import flexivoice

BAR = 1.5
IDS = 32_064 + 16_384
BETA = 0.1  # FlexiVoice A.10


def main(argv: list[str] | None = None) -> int:
    """Prints the times and their ratio; exit status 1 below the bar."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--require-peers", action="store_true")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    on_gpu = torch.cuda.is_available()
    clock = time.perf_counter if on_gpu or arguments.threads > 1 else time.process_time
    device, dtype = ("cuda", torch.bfloat16) if on_gpu else ("cpu", torch.float32)
    sizes = {"hidden": arguments.hidden, "layers": arguments.layers}
    policy: Any = tiny_model(IDS, **sizes)
    reference: Any = tiny_model(IDS, seed=1, **sizes)  # another, so that the loss is not log 2
    policy.to(device=device, dtype=dtype)
    reference.to(device=device, dtype=dtype).requires_grad_(False)
    batch = {name: one.to(device) for name, one in make_batch(arguments.pairs).items()}
    programs: dict[str, Ours | Trl] = {"ours": Ours(policy, reference)}
    try:
        programs["trl"] = Trl(copy.deepcopy(policy), copy.deepcopy(reference))
    except PeerMissing as missing:
        print(f"trl: left out, {missing}")
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    losses: dict[str, float] = {}
    for _ in range(arguments.rounds):
        for name, program in programs.items():
            started = clock()
            losses[name] = program.step(batch)
            seconds[name].append(clock() - started)
    name_of_device = torch.cuda.get_device_name() if on_gpu else "CPU"
    rows, length = batch["input_ids"].shape
    share = float(batch["completion_mask"].float().mean())
    print(f"device: {name_of_device}, {torch.get_num_threads()} threads, {policy.dtype}")
    print(f"{rows} answers of {length} tokens at most, {share:.0%} of them completion")
    for name, times in seconds.items():
        print(f"{name}: {min(times):.3f} s a step, loss {losses[name]:.6f}")
    if "trl" not in programs:
        return int(arguments.require_peers)
    ratio = min(seconds["trl"]) / min(seconds["ours"])
    print(f"trl / ours: {ratio:.2f}, the bar is {BAR}")
    off = abs(losses["trl"] - losses["ours"])
    return int(ratio < BAR or off > (2e-2 if on_gpu else 1e-4))


class Ours:
    """This trainer's parts, as its DPO command puts them together."""

    def __init__(self, policy: Any, reference: Any) -> None:  # noqa: ANN401
        self._policy, self._reference = policy, reference

    def step(self, batch: dict[str, Tensor]) -> float:
        """One step; the loss."""
        mask_BT = batch["completion_mask"].bool()

        def sums(model: Any) -> Tensor:  # noqa: ANN401
            hidden_BTD = hidden_states(model, batch["input_ids"], batch["attention_mask"])
            found = selected_logprobs(hidden_BTD, output_head(model), batch["input_ids"], mask_BT)
            return sequence_sums(found.logprobs_BT, mask_BT)

        self._policy.zero_grad()
        with torch.no_grad():
            ref_sums_B = sums(self._reference)
        loss = dpo_loss(sums(self._policy), ref_sums_B, BETA).loss
        loss.backward()
        return float(loss.detach())


class Trl:
    """TRL's DPOTrainer, its loss called directly."""

    def __init__(self, policy: Any, reference: Any) -> None:  # noqa: ANN401
        try:
            from datasets import Dataset, disable_progress_bars
            from trl.trainer.dpo_config import DPOConfig
            from trl.trainer.dpo_trainer import DPOTrainer
        except ImportError as error:
            raise PeerMissing(f"not installed: pip install trl datasets ({error})") from error
        disable_progress_bars()
        on_gpu = policy.device.type == "cuda"
        self._trainer: Any = DPOTrainer(
            model=policy,
            ref_model=reference,
            args=DPOConfig(
                output_dir=tempfile.mkdtemp(),
                beta=BETA,
                bf16=False,
                use_cpu=not on_gpu,
                report_to="none",
                gradient_checkpointing=False,
            ),
            processing_class=tiny_tokenizer(flexivoice(n_codes=8)),
            train_dataset=Dataset.from_list([{"prompt": "a", "chosen": "b", "rejected": "c"}]),
        )

    def step(self, batch: dict[str, Tensor]) -> float:
        """One step; the loss."""
        self._trainer.model.zero_grad()
        loss = self._trainer._compute_loss(self._trainer.model, batch, return_outputs=False)
        loss.backward()
        return float(loss.detach())


def make_batch(pairs: int) -> dict[str, Tensor]:
    """Prompts: 40 to 70 tokens of text, 5 s of codes; answers: 3 to 5 s of codes, 25 a second."""
    chance = random.Random(0)
    prompts = [chance.randint(40, 70) + 125 for _ in range(pairs)]
    answers = [chance.randint(75, 125) for _ in range(2 * pairs)]
    lengths = [prompts[row % pairs] + answers[row] for row in range(2 * pairs)]
    ids_BT = torch.zeros(2 * pairs, max(lengths), dtype=torch.long)
    attention_BT, completion_BT = torch.zeros_like(ids_BT), torch.zeros_like(ids_BT)
    for row, length in enumerate(lengths):
        prompt = prompts[row % pairs]
        ids_BT[row, :length] = torch.tensor([chance.randrange(IDS) for _ in range(length)])
        if row >= pairs:
            ids_BT[row, :prompt] = ids_BT[row - pairs, :prompt]
        attention_BT[row, :length] = 1
        completion_BT[row, prompt:length] = 1
    return {
        "input_ids": ids_BT,
        "attention_mask": attention_BT,
        "completion_mask": completion_BT,
    }


if __name__ == "__main__":
    sys.exit(main())
