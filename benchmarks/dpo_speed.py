"""One DPO step: ``python -m benchmarks.dpo_speed``.

FlexiVoice's S1 (3.2.1, A.5): eight pairs, each of one prompt (a template, two texts and the codes
of a reference) and two answers that say the same, 192 tokens at most together; Phi-3.5's ids and
16,384 codes, a small model. A step is both forward passes, policy and reference, the loss and the
backward pass; the optimiser, the same for all, is left out. Ours is the task as `trainer.dpo` runs
it, padding included; the peer is TRL 1.16's `DPOTrainer._compute_loss` on the padded batch, from an
environment of its own on the project's PyTorch. Both read the same weights from the same files and
take turns; on one thread, in CPU seconds, so that what else runs on the machine does not count.

Bars: 1.5 times TRL at 192 tokens; the same loss within 1e-5.

    python -m benchmarks.dpo_speed
    python -m benchmarks.dpo_speed --hidden 512 --layers 8
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.peers import versions
from benchmarks.results import Claim, Result, finish, make_parser, version
from benchmarks.turns import (
    Found,
    Peer,
    Program,
    Round,
    agreement_claim,
    fewer,
    installed,
    rounds_text,
    speed_claim,
    take_turns,
    to_series,
)
from benchmarks.two_models import IDS, write_models
from trainer.batch import pad
from trainer.loop.ranks import Ranks
from trainer.loop.settings import ModelSettings
from trainer.models import Reference, load_policy, without_bars
from trainer.policy import Policy
from trainer.tasks.dpo import Dpo, Pair
from trainer.tokens.layout import Example

BAR, LARGEST_GAP = 1.5, 1e-5
AT = 192  # tokens
BETA = 0.1  # FlexiVoice A.10
HEAD_NOTE = (
    "The gain is in the head of the model: ours makes logits for the answers alone, TRL "
    "without Triton (on a CPU) for every position. On a GPU TRL too leaves the prompts "
    "out, so the ratio here says nothing about one. With a larger body beside the head it "
    "falls (`--hidden`, `--layers`). Gradients are held against TRL's in "
    "tests/trainer/test_trl_parity.py."
)


def main(argv: list[str] | None = None) -> int:
    """Prints the times and their ratio; exit status 1 below a bar."""
    started = time.monotonic()
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--tokens", type=int, default=12, help="of the shortest rows")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--ids", type=int, default=IDS, help="of the vocabulary")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    without_bars()
    sizes = [arguments.tokens * times for times in sorted(arguments.growth)]
    found_versions = {"torch": version("torch"), "transformers": version("transformers")}
    rounds = fewer(sizes, arguments.rounds, AT)
    notes = [HEAD_NOTE]
    trl = None if arguments.without_peers else installed("trl", notes)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch)
        write_models(folder, arguments.ids, arguments.hidden, arguments.layers)
        batches = {size: make_pairs(arguments.pairs, size, arguments.ids) for size in sizes}
        for size, pairs in batches.items():
            write_batch(folder / f"{size}.json", pairs)
        programs: dict[str, Program] = {"ours": Ours(folder, batches, arguments.threads)}
        if trl is not None:
            found_versions |= versions("trl", "trl")
            peer = Peer(trl, "trl_dpo", folder, str(arguments.threads), str(BETA))
            programs["TRL"] = stack.enter_context(peer)
        found = take_turns(programs, sizes, rounds)
    longest = [one for pair in batches[sizes[-1]] for one in (pair.chosen, pair.rejected)]
    share = sum(sum(one.loss_mask) for one in longest) / sum(map(len, longest))
    setting = (
        f"{arguments.pairs} pairs, {share:.0%} of the tokens are answers, {arguments.ids:,} ids, a "
        f"model of {arguments.layers} layers of {arguments.hidden}, float32, {arguments.threads} "
        "thread(s) of a CPU. Timed are both forward passes, the loss and the backward pass, warm, "
        "without start-up and optimiser; each side in a process of its own, on the same weights. "
        + rounds_text(rounds)
    )
    result = Result(
        benchmark="dpo_speed",
        title="A DPO step",
        setting=setting,
        claims=claims(found, arguments.pairs),
        series=to_series(found, "tokens a row", "CPU s" if arguments.threads == 1 else "s"),
        versions=found_versions,
        notes=tuple(notes),
    )
    return finish(result, arguments, started)


def claims(found: Found, pairs: int) -> tuple[Claim, ...]:
    """The ratio at PEERS.md's size, and that the losses are the same."""
    return (
        speed_claim(found, "TRL", AT, BAR, f"DPO step, {pairs} pairs x {AT} tokens, against TRL"),
        agreement_claim(found, "TRL", LARGEST_GAP, "DPO, largest difference from TRL's loss"),
    )


class Ours:
    """This trainer's task, as its DPO command puts it together."""

    def __init__(self, folder: Path, batches: dict[int, list[Pair]], threads: int) -> None:
        """Loads both models; `batches` has the pairs of every size."""
        self._policy, reference = (
            Policy(load_policy(ModelSettings(path=str(folder / name)))[0])
            for name in ("policy", "reference")
        )
        ranks = Ranks(0, 1, torch.device("cpu"))
        longest = max(batches)
        self._task = Dpo(
            ranks,
            Reference(reference, ranks.device),
            BETA,
            max_tokens=2 * len(batches[longest]) * longest,  # a step in one go, as TRL has it
        )
        self._clock = time.process_time if threads == 1 else time.perf_counter
        self._batches = batches

    def __call__(self, size: int) -> Round:
        """One step, from the pairs' tokens on."""
        pairs = self._batches[size]
        self._policy.zero_grad()
        started = self._clock()
        total = 0.0
        parts, _ = self._task.microbatches(pairs, self._policy, 0)
        for part in parts:
            loss = self._task.loss(self._policy, part).total / len(pairs)
            loss.backward()
            total += float(loss.detach())
        return Round(self._clock() - started, (total,))


def make_pairs(pairs: int, tokens: int, ids: int) -> list[Pair]:
    """Prompts of half to two thirds of the tokens; answers of a quarter of them to all the rest."""
    chance = random.Random(0)

    def some(count: int) -> tuple[int, ...]:
        return tuple(chance.randrange(ids) for _ in range(count))

    def answer(prompt: tuple[int, ...]) -> Example:
        length = chance.randint(tokens // 4, tokens - len(prompt))
        return Example(prompt, some(length), (True,) * length)

    prompts = [some(chance.randint(tokens // 2, tokens * 2 // 3)) for _ in range(pairs)]
    return [Pair(answer(prompt), answer(prompt)) for prompt in prompts]


def write_batch(path: Path, pairs: list[Pair]) -> None:
    """The pairs as TRL's collator makes them: padded, chosen answers before rejected ones."""
    batch = pad([pair.chosen for pair in pairs] + [pair.rejected for pair in pairs])
    content = {
        "input_ids": batch.ids_BT.tolist(),
        "attention_mask": batch.attention_BT.tolist(),
        "completion_mask": batch.target_BT.long().tolist(),
    }
    path.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
