"""One GRPO step: ``python -m benchmarks.grpo_speed``.

One prompt of 64 tokens, eight rollouts of 64, 48,448 ids (FlexiVoice's: Phi-3.5 and 16,384 codes),
a small model: sampling, a reward by rule, the reference's log-probs (beta 0.1), the loss and the
backward pass; the optimiser, the same for all, is left out. The peer is TRL 1.16's GRPOTrainer at
the same settings (mean of each sequence, k3, clip 0.2, no grammar), from an environment of its own
on the project's PyTorch. Both read the same weights from the same files and take turns; on one
thread, in CPU seconds, so that what else runs on the machine does not count. Each draws its own
rollouts; what TRL drew in its last round is then learnt from here too, and the losses compared.

Bars: as fast as TRL at 64 tokens; the same loss for the same rollouts within 1e-5, which
tests/trainer/test_trl_parity.py holds for clipped ratios and every gradient.

    python -m benchmarks.grpo_speed
    python -m benchmarks.grpo_speed --hidden 512 --layers 8 --growth 1 4
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.grpo_step import GrpoSetting, Ours
from benchmarks.peers import versions
from benchmarks.results import Claim, Result, finish, make_parser, version
from benchmarks.turns import (
    Found,
    Peer,
    Program,
    fewer,
    installed,
    rounds_text,
    speed_claim,
    take_turns,
    to_series,
)
from benchmarks.two_models import IDS, codes_of, write_models
from trainer.models import load_tokenizer, without_bars
from trainer.vocab import SpeechVocab, flexivoice

BAR, LARGEST_GAP = 1.0, 1e-5
AT = 64  # tokens of a completion
PROMPT = ("abcdefghijklmnopqrstuvwxyz" * 3)[:64]  # a token a character
GROUP = 8  # FlexiVoice A.10
BETA, CLIP = 0.1, 0.2  # FlexiVoice A.10


def main(argv: list[str] | None = None) -> int:
    """Prints the times and their ratio; exit status 1 below a bar."""
    started = time.monotonic()
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--tokens", type=int, default=16, help="of the shortest completions")
    parser.add_argument("--ids", type=int, default=IDS, help="of the vocabulary")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    without_bars()
    codes = codes_of(arguments.ids)
    setting = GrpoSetting(arguments.threads, GROUP, PROMPT, codes, codes // 2, BETA, CLIP)
    sizes = [arguments.tokens * times for times in sorted(arguments.growth)]
    found_versions = {"torch": version("torch"), "transformers": version("transformers")}
    rounds = fewer(sizes, arguments.rounds, AT)
    notes = [
        "Ours reads the prompt once for all rollouts, TRL once a rollout. On a GPU one would give "
        "TRL vLLM to draw with: the ratio says nothing about that."
    ]
    trl = None if arguments.without_peers else installed("trl", notes)
    learnt = None
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        folder = Path(scratch)
        write_models(folder, arguments.ids, arguments.hidden, arguments.layers)
        ours = Ours(folder, setting, sizes)
        programs: dict[str, Program] = {"ours": ours}
        if trl is not None:
            found_versions |= versions("trl", "trl")
            told = json.dumps({**asdict(setting), "first_code": first_code(folder, codes)})
            programs["TRL"] = stack.enter_context(Peer(trl, "trl_grpo", folder, told))
        found = take_turns(programs, sizes, rounds)
        check_drawn(found)
        if trl is not None:
            learnt = gaps(ours, folder / f"{sizes[0]}.drawn.json")
    result = Result(
        benchmark="grpo_speed",
        title="A GRPO step",
        setting=(
            f"{GROUP} rollouts of one prompt of {len(PROMPT)} tokens, {arguments.ids:,} ids, a "
            f"model of {arguments.layers} layers of {arguments.hidden}, float32, "
            f"{arguments.threads} thread(s) of a CPU. Timed are sampling, a reward by rule, the "
            "reference, the loss and the backward pass, warm, without start-up and optimiser; "
            "each side in a process of its own, on the same weights. " + rounds_text(rounds)
        ),
        claims=claims(found, learnt),
        series=to_series(found, "tokens a rollout", "CPU s" if arguments.threads == 1 else "s"),
        versions=found_versions,
        notes=tuple(notes),
    )
    return finish(result, arguments, started)


def first_code(folder: Path, codes: int) -> int:
    """The id of code 0, for the peer's reward."""
    tokenizer = load_tokenizer(str(folder / "policy"))
    return SpeechVocab.from_tokenizer(tokenizer, flexivoice(n_codes=codes)).first_code_id


def check_drawn(found: Found) -> None:
    """Less drawn would be less work.

    Raises:
        RuntimeError: a step drew over a hundredth less than it should have.
    """
    for (program, size), rounds in found.items():
        for one in rounds:
            if not 0.99 * GROUP * size <= one.values[0] <= GROUP * size:
                raise RuntimeError(
                    f"{program} drew {one.values[0]:g} tokens instead of {GROUP * size}: its "
                    "rollouts end before the limit; take other settings of the sampler"
                )


def gaps(ours: Ours, path: Path) -> tuple[float, float]:
    """How far our loss is from TRL's on its rollouts, and our gradient's norm, as a share."""
    drawn = json.loads(path.read_text(encoding="utf-8"))
    loss, norm = ours.learn(drawn["completions"], drawn["advantages"])
    return abs(loss - drawn["loss"]), abs(norm - drawn["gradient_norm"]) / drawn["gradient_norm"]


def claims(found: Found, learnt: tuple[float, float] | None) -> tuple[Claim, ...]:
    """The ratio at PEERS.md's size, and that the same is learnt from the same rollouts."""
    loss, norm = (None, None) if learnt is None else learnt
    absent = "TRL was not run" if learnt is None else "the two sides do not compute the same"
    text = f"GRPO step, {GROUP} rollouts of {AT} tokens after {len(PROMPT)}, against TRL"
    return (
        speed_claim(found, "TRL", AT, BAR, text),
        Claim(
            "GRPO, difference from TRL's loss on its rollouts", loss, "", LARGEST_GAP, False, absent
        ),
        Claim("GRPO, the same of the gradient's norm, as a share", norm, "", 1e-4, False, absent),
    )


if __name__ == "__main__":
    sys.exit(main())
