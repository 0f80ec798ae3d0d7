"""Going on in another process, after a kill, gives what an unbroken run gives."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.trainer.coded import utterances
from tests.trainer.data.test_stream import stream

ROOT = Path(__file__).parents[3]

# Prints a line for each batch: the state after it, and a hash of its rows; takes a state first.
_PROGRAM = """
import hashlib, json, sys
from tests.trainer.data.test_stream import stream
batches = stream({"folder": sys.argv[1], "references": [{}]}, rows_per_batch=5)
if sys.argv[2] != "-":
    batches.load_state_dict(json.loads(sys.argv[2]))
for rows in batches:
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()
    print(json.dumps([digest, batches.state_dict()]), flush=True)
"""


def lines(folder: Path, state: str, count: int) -> list[tuple[str, str]]:
    """The first lines of the program, which is then killed."""
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder), state],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": str(len(state) % 1000), "PYTHONPATH": str(ROOT)},
    )
    assert program.stdout is not None
    found = [json.loads(program.stdout.readline()) for _ in range(count)]
    os.kill(program.pid, signal.SIGKILL)
    program.communicate()
    return [(digest, json.dumps(after)) for digest, after in found]


def test_a_killed_process_is_gone_on_with_exactly(tmp_path: Path) -> None:
    utterances(tmp_path, 40, 3)
    batches = stream({"folder": str(tmp_path), "references": [{}]}, rows_per_batch=5)
    unbroken = []
    for rows in batches:
        unbroken.append(hashlib.sha256(repr(rows).encode()).hexdigest())
        if len(unbroken) == 24:
            break
    first = lines(tmp_path, "-", 11)
    second = lines(tmp_path, first[-1][1], 13)
    assert [digest for digest, _ in first + second] == unbroken
    assert json.loads(second[-1][1]) == batches.state_dict()
