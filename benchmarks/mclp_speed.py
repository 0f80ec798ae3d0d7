"""MCLP of a group of candidates: ``python -m benchmarks.mclp_speed``.

One ground truth and 8 candidates, as in one GRPO group: transcript, candidate, transcript, ground
truth of about 550 tokens together, 158,720 ids (Step-Audio 2's vocabulary), a small model. The
naive loop runs each candidate by itself through the model, takes `log_softmax` of all logits in
float32 and picks the ground truth's. Rounds alternate and the fastest of each counts; on one thread
of a CPU, in CPU seconds, so that what else runs on the machine does not. Candidates are all
different, so nothing is gained by scoring equal ones once. The gain is in the head: the larger the
body of a model is beside it, the smaller the ratio (`--hidden`, `--layers`).

Bar: 2.5 times the naive loop; both agree within 1e-5 (in bfloat16, on a GPU: 1e-2).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import Any

import torch
from transformers import LlamaForCausalLM

from trainer.mclp import MclpScorer, MclpSettings, Pair
from trainer.tiny import tiny_model, tiny_tokenizer
from trainer.tokens.ta4 import Ta4Layout
from trainer.vocab import SpeechVocab, step_audio_2

BAR = 2.5
IDS = 158_720
WORDS = "你说什么租店面的"  # 24 tokens of the tiny tokenizer


def main(argv: list[str] | None = None) -> int:
    """Prints the times and their ratio; exit status 1 below the bar."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--codes", type=int, default=200, help="of a speech; 25 a second")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    on_gpu = torch.cuda.is_available()
    clock = time.perf_counter if on_gpu or arguments.threads > 1 else time.process_time
    model: Any = tiny_model(IDS, hidden=arguments.hidden, layers=arguments.layers)
    if on_gpu:
        model = model.to(device="cuda", dtype=torch.bfloat16)
    names = step_audio_2()
    tokenizer = tiny_tokenizer(names)
    layout = Ta4Layout(SpeechVocab.from_tokenizer(tokenizer, names), tokenizer)
    pairs = make_pairs(arguments.candidates, arguments.codes)
    scorer = MclpScorer(model, layout, MclpSettings())
    rows = [scorer.row(pair) for pair in pairs]

    seconds: dict[str, list[float]] = {"ours": [], "naive": []}
    found: dict[str, list[float]] = {}
    for _ in range(arguments.rounds):
        started = clock()
        found["ours"] = scorer.score(pairs)
        seconds["ours"].append(clock() - started)
        started = clock()
        found["naive"] = [naive(model, row.ids, row.counted) for row in rows]
        seconds["naive"].append(clock() - started)

    off = max(abs(a - b) for a, b in zip(found["ours"], found["naive"], strict=True))
    best = {name: min(times) for name, times in seconds.items()}
    ratio = best["naive"] / best["ours"]
    device = torch.cuda.get_device_name() if on_gpu else f"CPU, {torch.get_num_threads()} threads"
    tokens = [len(row.ids) for row in rows]
    print(f"device: {device}; {model.dtype}; {min(tokens)} to {max(tokens)} tokens a candidate")
    print(f"ours {best['ours']:.3f} s, naive {best['naive']:.3f} s for {len(pairs)} candidates")
    print(f"largest difference of a score: {off:.1e}")
    print(f"naive / ours: {ratio:.2f}, the bar is {BAR}")
    return int(ratio < BAR or off > (1e-2 if on_gpu else 1e-5))


@torch.no_grad()
def naive(model: LlamaForCausalLM, ids: tuple[int, ...], counted: tuple[int, ...]) -> float:
    """One candidate: all logits, float32 log-softmax, the mean of what counts."""
    tensor = torch.tensor([ids], device=model.device)
    logprobs = model(tensor).logits[0].float().log_softmax(-1)
    positions = torch.tensor(counted, device=model.device)
    return float(logprobs[positions - 1, tensor[0, positions]].mean())


def make_pairs(candidates: int, codes: int) -> list[Pair]:
    """One ground truth and candidates of about its length."""
    chance = random.Random(0)

    def speech() -> tuple[int, ...]:
        length = chance.randint(codes - codes // 10, codes + codes // 10)
        return tuple(chance.randrange(6561) for _ in range(length))

    truth = speech()
    return [Pair(WORDS, speech(), truth) for _ in range(candidates)]


if __name__ == "__main__":
    sys.exit(main())
