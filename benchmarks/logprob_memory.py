"""Memory of log-probs with their gradients: ``python -m benchmarks.logprob_memory``.

8 sequences of 600 targets over 158,720 ids (Step-Audio 2's vocabulary), forward and backward, the
gradients of hidden states and head included. Each program runs in a process of its own; counted is
how far its resident memory rises above what it had with the inputs in place (on a GPU: what torch
allocates above that). "naive" is all logits and `log_softmax`; it runs at one sequence, since at 8
the logits alone are 6.1 GB, and the figure printed for it is 8 times what was measured. At the
same single sequence both must give the same loss.

Bar: under 1 GB at full size.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

BAR_GB = 1.0
IDS, WIDTH, TOKENS = 158_720, 128, 600


def main(argv: list[str] | None = None) -> int:
    """Prints the figures; exit status 1 above the bar or where the two disagree."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--program", choices=["ours", "naive"], help="run only this, here")
    arguments = parser.parse_args(argv)
    if arguments.program:
        print(json.dumps(measure(arguments.program, arguments.sequences)))
        return 0
    one = {program: child(program, 1) for program in ("ours", "naive")}
    full = child("ours", arguments.sequences)
    naive_gb = one["naive"]["gb"] * arguments.sequences
    print(f"device: {full['device']}, {full['dtype']}, width {WIDTH}, ids {IDS:,}")
    print(f"ours,  1 x {TOKENS}: {one['ours']['gb']:.2f} GB, {one['ours']['seconds']:.1f} s")
    print(f"naive, 1 x {TOKENS}: {one['naive']['gb']:.2f} GB, {one['naive']['seconds']:.1f} s")
    print(f"ours,  {arguments.sequences} x {TOKENS}: {full['gb']:.2f} GB, {full['seconds']:.1f} s")
    print(f"naive, {arguments.sequences} x {TOKENS}: {naive_gb:.1f} GB by extrapolation")
    print(f"the bar is {BAR_GB} GB")
    same = abs(one["ours"]["loss"] - one["naive"]["loss"]) <= 1e-3 * abs(one["naive"]["loss"])
    if not same:
        print(f"the losses differ: {one['ours']['loss']} and {one['naive']['loss']}")
    return int(not same or full["gb"] >= BAR_GB)


def child(program: str, sequences: int) -> dict[str, float]:
    """The figures of one program, from a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.logprob_memory"]
        + ["--program", program, "--sequences", str(sequences)],
        check=True,
        capture_output=True,
        text=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def measure(program: str, sequences: int) -> dict[str, object]:
    """Runs it once; memory in GB (1e9 bytes), time in seconds."""
    import torch

    from trainer.head import Head
    from trainer.logprobs import token_logprobs

    on_gpu = torch.cuda.is_available()
    device, dtype = ("cuda", torch.bfloat16) if on_gpu else ("cpu", torch.float32)
    torch.manual_seed(0)
    targets = sequences * TOKENS
    hidden_ND = torch.randn(targets, WIDTH, device=device, dtype=dtype, requires_grad=True)
    weight_VD = (torch.randn(IDS, WIDTH, device=device, dtype=dtype) * 0.05).requires_grad_()
    ids_N = torch.randint(0, IDS, (targets,), device=device)

    def ours() -> torch.Tensor:
        return -token_logprobs(hidden_ND, Head(weight_VD), ids_N)[0].mean()

    def naive() -> torch.Tensor:
        logprobs = (hidden_ND @ weight_VD.T).float().log_softmax(-1)
        return -logprobs.gather(1, ids_N[:, None]).mean()

    programs: dict[str, Callable[[], torch.Tensor]] = {"ours": ours, "naive": naive}
    (hidden_ND[:1] @ weight_VD[:8].T).sum().backward()  # what a first call sets up, and gradients
    hidden_ND.grad = weight_VD.grad = None
    before = reset_peak(on_gpu)
    started = time.perf_counter()
    loss = programs[program]()
    loss.backward()
    value = loss.item()  # waits for a GPU
    seconds = time.perf_counter() - started
    return {
        "gb": (peak(on_gpu) - before) / 1e9,
        "seconds": seconds,
        "loss": value,
        "device": torch.cuda.get_device_name() if on_gpu else "CPU",
        "dtype": str(dtype).removeprefix("torch."),
    }


def reset_peak(on_gpu: bool) -> int:
    """Forgets the highest memory so far; bytes in use now."""
    if on_gpu:
        import torch

        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets VmHWM
    return _status("VmRSS")


def peak(on_gpu: bool) -> int:
    """The highest memory since then, bytes."""
    if on_gpu:
        import torch

        return torch.cuda.max_memory_allocated()
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {name}: this benchmark needs Linux")


if __name__ == "__main__":
    sys.exit(main())
