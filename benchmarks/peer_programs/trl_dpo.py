"""TRL's DPO step: its DPOTrainer's loss on a collated batch, and the backward pass.

    trl_dpo.py FOLDER THREADS BETA

FOLDER has ``policy`` and ``reference``, models with tokenizers, and ``<size>.json`` for each size:
the batch's ``input_ids``, ``attention_mask`` and ``completion_mask``, chosen rows first. Every line
``{"size": N}`` on standard input is answered by ``{"seconds": ..., "values": [loss]}``.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from datasets import Dataset, disable_progress_bars
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer


def make_trainer(folder: Path, beta: float, output: str) -> Any:  # noqa: ANN401
    """DPOTrainer on a CPU in float32; all else is its default."""
    return DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder / "policy", dtype=torch.float32),
        ref_model=AutoModelForCausalLM.from_pretrained(folder / "reference", dtype=torch.float32),
        args=DPOConfig(
            output_dir=output,
            beta=beta,
            bf16=False,
            use_cpu=True,
            report_to="none",
            gradient_checkpointing=False,
        ),
        processing_class=AutoTokenizer.from_pretrained(folder / "policy"),
        train_dataset=Dataset.from_list([{"prompt": "a", "chosen": "b", "rejected": "c"}]),
    )


def main() -> None:
    """Answers until its standard input ends."""
    folder, threads, beta = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    torch.set_num_threads(threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    disable_progress_bars()
    with tempfile.TemporaryDirectory() as output:
        trainer = make_trainer(folder, beta, output)
        for line in sys.stdin:
            content = json.loads((folder / f"{json.loads(line)['size']}.json").read_text("utf-8"))
            batch = {name: torch.tensor(rows) for name, rows in content.items()}
            trainer.model.zero_grad()
            started = clock()
            loss = trainer._compute_loss(trainer.model, batch, return_outputs=False)
            loss.backward()
            found = {"seconds": clock() - started, "values": [float(loss.detach())]}
            print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
