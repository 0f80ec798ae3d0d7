"""``python -m benchmarks``: all of them, or those named, then every figure beside its bar.

    python -m benchmarks
    python -m benchmarks chat_engine scene_speed
    python -m benchmarks.collect              # what they found -> docs/benchmarks.md

Each runs in a process of its own, with its own flags: ``python -m benchmarks.chat_engine --help``.
Peers are installed into environments of their own the first time, which takes minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.results import FOLDER, read_result

BENCHMARKS = (
    "chat_engine",
    "chat_robustness",
    "wenetspeech_import",
    "assign_speed",
    "scene_speed",
    "scene_command",
    "select_speed",
    "ingest_memory",
    "separate_memory",
    "diarize_memory",
    "sampler_resume",
    "logprob_memory",
    "mclp_speed",
    "dpo_speed",
    "grpo_speed",
)


def main(argv: list[str] | None = None) -> int:
    """Runs them one after the other; 1 when one missed a bar, 2 when one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="(default: all)")
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="DIR")
    arguments = parser.parse_args(argv)
    names = arguments.names or list(BENCHMARKS)
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        parser.error(f"{', '.join(unknown)}: no benchmark; there are {', '.join(BENCHMARKS)}")
    failed = []
    for name in names:
        path = arguments.output / f"{name}.json"
        path.unlink(missing_ok=True)  # what is shown at the end is of this run
        print(f"== {name}", flush=True)
        started = time.monotonic()
        command = [sys.executable, "-m", f"benchmarks.{name}", "--output", str(arguments.output)]
        status = subprocess.run(command, check=False).returncode
        print(f"   {time.monotonic() - started:.0f} s", flush=True)
        if not path.exists():
            failed.append(f"{name} ended with {status} and found nothing")
    missed = show(names, arguments.output)
    for line in failed:
        print(line)
    return 2 if failed else missed


def show(names: list[str], folder: Path) -> int:
    """Prints every claim beside its bar; 1 when one is missed."""
    print("\nevery claim beside its bar")
    missed = 0
    for name in names:
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        result, _ = read_result(path)
        for claim in result.claims:
            missed += not claim.met
            print(f"{name:<18} {claim.line()}")
    print(f"missed: {missed}" if missed else "every bar is met")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
