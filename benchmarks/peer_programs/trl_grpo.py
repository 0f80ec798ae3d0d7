"""TRL's GRPO step: its GRPOTrainer's own generation, scoring and loss, and the backward pass.

    trl_grpo.py FOLDER SETTINGS

FOLDER has ``policy`` and ``reference``, models with tokenizers; SETTINGS is JSON: ``threads``,
``beta``, ``clip``, ``group``, ``prompt`` (text, a token a character), ``first_code``, ``codes`` and
``last``: the reward is the share of codes up to ``last`` among a completion's codes. Every line
``{"size": N}`` on standard input, the tokens of a completion, is answered by ``{"seconds": ...,
"values": [tokens drawn]}``; what was drawn, with its advantages, loss and gradient norm, is left in
``<size>.drawn.json``.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from datasets import Dataset, disable_progress_bars
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

Reward = Callable[..., list[float]]


def rule(first_code: int, codes: int, last: int) -> Reward:
    """The reward."""

    def share(completion_ids: list[list[int]], **_: object) -> list[float]:
        rewards = []
        for ids in completion_ids:
            said = [one - first_code for one in ids if 0 <= one - first_code < codes]
            rewards.append(sum(code <= last for code in said) / len(said))
        return rewards

    return share


def make_trainer(folder: Path, settings: dict[str, Any], tokens: int, output: str) -> Any:  # noqa: ANN401
    """GRPOTrainer on a CPU in float32: the papers' loss, all else its default."""
    reward: Any = rule(settings["first_code"], settings["codes"], settings["last"])
    trainer: Any = GRPOTrainer(
        model=str(folder / "policy"),
        reward_funcs=reward,
        args=GRPOConfig(
            output_dir=output,
            beta=settings["beta"],
            epsilon=settings["clip"],
            loss_type="grpo",  # the mean of each sequence; TRL's default is another
            use_bias_correction_kl=False,
            temperature=1.0,
            num_generations=settings["group"],
            per_device_train_batch_size=settings["group"],
            max_completion_length=tokens,
            generation_kwargs={"min_new_tokens": tokens},
            bf16=False,
            use_cpu=True,
            report_to="none",
            gradient_checkpointing=False,
        ),
        processing_class=AutoTokenizer.from_pretrained(folder / "policy"),
        train_dataset=Dataset.from_list([{"prompt": settings["prompt"]}] * settings["group"]),
    )
    # Its reference is the policy's file; another one, so that there is a KL term to compare.
    other = AutoModelForCausalLM.from_pretrained(folder / "reference", dtype=torch.float32)
    trainer.ref_model.load_state_dict(other.state_dict())
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1  # its train loop sets it
    return trainer


def main() -> None:
    """Answers until its standard input ends."""
    folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    torch.set_num_threads(settings["threads"])
    clock = time.process_time if settings["threads"] == 1 else time.perf_counter
    disable_progress_bars()
    trainers: dict[int, Any] = {}
    with tempfile.TemporaryDirectory() as output:
        for line in sys.stdin:
            size = json.loads(line)["size"]
            if size not in trainers:
                trainers = {size: make_trainer(folder, settings, size, output)}
            trainer = trainers[size]
            trainer.model.zero_grad()
            prompts = [{"prompt": settings["prompt"]} for _ in range(settings["group"])]
            started = clock()
            drawn = trainer._generate_and_score_completions(prompts)
            loss = trainer._compute_loss(trainer.model, drawn)
            loss.backward()
            seconds = clock() - started
            gradients = [one.grad for one in trainer.model.parameters() if one.grad is not None]
            content = {
                "completions": drawn["completion_ids"].tolist(),
                "advantages": drawn["advantages"].tolist(),
                "loss": float(loss.detach()),
                "gradient_norm": float(torch.nn.utils.get_total_norm(gradients)),
            }
            (folder / f"{size}.drawn.json").write_text(json.dumps(content), encoding="utf-8")
            found = {"seconds": seconds, "values": [int(drawn["completion_mask"].sum())]}
            print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
