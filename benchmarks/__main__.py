"""``python -m benchmarks``: all of them, one after the other; what missed its bar at the end."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "chat_engine",
    "ingest_memory",
    "select_speed",
    "wenetspeech_import",
    "assign_speed",
    "scene_speed",
    "sampler_resume",
    "separate_memory",
    "diarize_memory",
    "logprob_memory",
    "mclp_speed",
    "dpo_speed",
    "grpo_speed",
)


def main() -> int:
    """Runs every benchmark in a process of its own; 1 when one of them missed its bar."""
    missed = []
    for name in BENCHMARKS:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            missed.append(name)
    print(f"missed or failed: {', '.join(missed)}" if missed else "every bar is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
