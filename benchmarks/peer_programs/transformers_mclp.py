"""MCLP as one writes it with transformers alone, a candidate at a time.

    transformers_mclp.py FOLDER THREADS

FOLDER has ``model``, and ``<size>.json`` for each size: for every candidate its tokens and the
positions of the ground truth's among them. Every line ``{"size": N}`` on standard input is answered
by ``{"seconds": ..., "values": [score, ...]}``.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel


@torch.no_grad()
def score(model: PreTrainedModel, ids: list[int], counted: list[int]) -> float:
    """One candidate: all logits, float32 log-softmax, the mean of what counts."""
    tensor = torch.tensor([ids])
    logprobs = model(tensor).logits[0].float().log_softmax(-1)
    positions = torch.tensor(counted)
    return float(logprobs[positions - 1, tensor[0, positions]].mean())


def main() -> None:
    """Answers until its standard input ends."""
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    torch.set_num_threads(threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    for line in sys.stdin:
        rows = json.loads((folder / f"{json.loads(line)['size']}.json").read_text("utf-8"))
        started = clock()
        scores = [score(model, row["ids"], row["counted"]) for row in rows]
        found = {"seconds": clock() - started, "values": scores}
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
