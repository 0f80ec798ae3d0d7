"""Memory of log-probs with their gradients: ``python -m benchmarks.logprob_memory``.

4,800 targets (8 sequences of 600) over 158,720 ids (Step-Audio 2's vocabulary), forward and
backward, the gradients of hidden states and head included, float32 on a CPU. Each program runs in a
process of its own; counted is how far its resident memory rises above what it had with the inputs
in place. "All logits" is the matrix of all logits and `log_softmax`; it is run up to
``--all-logits-up-to`` targets, since at 4,800 the logits alone are 3 GB. Where both run, they must
give the same loss. Needs Linux: the kernel keeps the highest resident memory.

Bars: under 1 GB at 4,800 targets; the losses within a 100,000th of each other.

    python -m benchmarks.logprob_memory
    python -m benchmarks.logprob_memory --all-logits-up-to 4800      # needs 12 GB
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers import run_json
from benchmarks.results import Claim, Result, Series, finish, make_parser, version

BAR_GB, LARGEST_GAP = 1.0, 1e-5
AT = 4800  # targets: 8 sequences of 600
NAIVE = "all logits"
Figures = dict[tuple[str, int], list[dict[str, float]]]


def main(argv: list[str] | None = None) -> int:
    """Prints the figures; exit status 1 above a bar."""
    started = time.monotonic()
    parser = make_parser(__doc__, rounds=2)
    parser.add_argument("--targets", type=int, default=300, help="of the smallest input")
    parser.add_argument("--ids", type=int, default=158_720, help="of the vocabulary")
    parser.add_argument("--width", type=int, default=128, help="of the model")
    parser.add_argument("--all-logits-up-to", type=int, default=1200, metavar="TARGETS")
    parser.add_argument("--program", choices=["ours", NAIVE], help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.program:  # the measured process
        print(json.dumps(measure(arguments.program, arguments)))
        return 0
    found: Figures = {}
    for size in [arguments.targets * times for times in sorted(arguments.growth)]:
        for _ in range(arguments.rounds):
            for program in ("ours", NAIVE):
                limit = 0 if arguments.without_peers else arguments.all_logits_up_to
                if program == "ours" or size <= limit:
                    figures = child(program, size, arguments)
                    found.setdefault((program, size), []).append(figures)
    largest = max((size for program, size in found if program == NAIVE), default=None)
    result = Result(
        benchmark="logprob_memory",
        title="Memory of log-probs with their gradients",
        setting=(
            f"Targets over {arguments.ids:,} ids, width {arguments.width}, float32, one thread of "
            "a CPU; forward and backward, each program in a process of its own. Memory is how far "
            "the resident one rises above what the inputs take; the gradient of the head, "
            f"{arguments.ids * arguments.width * 4 / 1e9:.2f} GB, is in it."
        ),
        claims=claims(found),
        series=(*to_series(found, "gb", "GB"), *to_series(found, "seconds", "CPU s")),
        versions={"torch": version("torch")},
        notes=() if largest is None else (limit_note(found, largest),),
    )
    return finish(result, arguments, started)


def child(program: str, targets: int, arguments: argparse.Namespace) -> dict[str, float]:
    """The figures of one program, from a fresh process."""
    command = [sys.executable, "-m", "benchmarks.logprob_memory", "--program", program]
    command += ["--targets", str(targets), "--ids", str(arguments.ids)]
    found = run_json([*command, "--width", str(arguments.width)])
    return {name: float(figure) for name, figure in found.items()}


def measure(program: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Runs it once; memory in GB (1e9 bytes), time in CPU seconds."""
    import torch

    from trainer.head import Head
    from trainer.logprobs import token_logprobs

    torch.set_num_threads(1)
    torch.manual_seed(0)
    targets, ids, width = arguments.targets, arguments.ids, arguments.width
    hidden_ND = torch.randn(targets, width, requires_grad=True)
    weight_VD = (torch.randn(ids, width) * 0.05).requires_grad_()
    ids_N = torch.randint(0, ids, (targets,))

    def ours() -> torch.Tensor:
        return -token_logprobs(hidden_ND, Head(weight_VD), ids_N)[0].mean()

    def all_logits() -> torch.Tensor:
        logprobs_NV = (hidden_ND @ weight_VD.T).log_softmax(-1)
        return -logprobs_NV.gather(1, ids_N[:, None]).mean()

    programs: dict[str, Callable[[], torch.Tensor]] = {"ours": ours, NAIVE: all_logits}
    (hidden_ND[:1] @ weight_VD[:8].T).sum().backward()  # what a first call sets up, and gradients
    hidden_ND.grad = weight_VD.grad = None
    before = reset_peak()
    started = time.process_time()
    loss = programs[program]()
    loss.backward()
    seconds = time.process_time() - started
    peak = status("VmHWM")
    return {"gb": (peak - before) / 1e9, "seconds": seconds, "loss": float(loss.detach())}


def reset_peak() -> int:
    """Forgets the highest memory so far; bytes in use now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets VmHWM
    return status("VmRSS")


def status(name: str) -> int:
    """A figure of this process, bytes.

    Raises:
        SystemExit: the kernel does not keep it.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {name}: this benchmark needs Linux")


def to_series(found: Figures, name: str, unit: str) -> list[Series]:
    """One figure of all programs at all sizes."""
    return [
        Series(program, size, "targets", unit, tuple(one[name] for one in rounds))
        for (program, size), rounds in found.items()
    ]


def claims(found: Figures) -> tuple[Claim, ...]:
    """Memory at full size, and that both give the same loss."""
    full = {one.size: one.median for one in to_series(found, "gb", "GB") if one.program == "ours"}
    absent = "" if AT in full else "this size was not run"
    gaps = [
        abs(one["loss"] - other["loss"]) / abs(other["loss"])
        for (program, size), rounds in found.items()
        if program == NAIVE
        for one, other in zip(found["ours", size], rounds, strict=True)
    ]
    why = "the two do not compute the same" if gaps else f"{NAIVE} were not run"
    text = f"log-probs of {AT:,} targets, forward and backward"
    gap = f"log-probs, difference of the loss from that of {NAIVE}, as a share"
    return (
        Claim(text, full.get(AT), "GB", BAR_GB, at_least=False, reason=absent),
        Claim(gap, max(gaps, default=None), "", LARGEST_GAP, at_least=False, reason=why),
    )


def limit_note(found: Figures, largest: int) -> str:
    """What all logits would take at full size."""
    series: dict[Any, float] = {
        (one.program, one.size): one.median for one in to_series(found, "gb", "GB")
    }
    at_full = series[NAIVE, largest] * AT / largest
    return (
        f"All logits were run at {largest:,} targets at most; at {AT:,} they would take "
        f"{at_full:.1f} GB by extrapolation."
    )


if __name__ == "__main__":
    sys.exit(main())
