"""A command as a process of its own: how long it took, and the most memory it held.

The kernel counts a parent's memory as its child's until the child starts its own program, so a
benchmark that measures a command must itself stay small: it makes large inputs in streams.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Usage:
    """What a command used.

    Attributes:
        seconds: by the clock, with its start.
        cpu_seconds: user and system, with its own children's.
        peak_mb: of resident memory, millions of bytes; the largest of it and its children.
        stdout: what it printed.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    stdout: str


def measured(command: Sequence[str]) -> Usage:
    """Runs a command in the project's folder to its end.

    Raises:
        RuntimeError: it failed; its last lines are in the message.

    >>> measured([sys.executable, "-c", "print('here')"]).stdout.strip()
    'here'
    """
    # Containers often set this; a program's own modules would be compiled at every start.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=HERE.parent,
        env=environment,
    )
    with process:
        assert process.stdout is not None  # a pipe was asked for
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode:
        last = "\n".join(said.splitlines()[-15:])
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{last}")
    return Usage(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6, said)


def module(name: str, *arguments: str | Path) -> list[str]:
    """The command of one of the project's modules: ``python -m NAME ARGUMENT...``.

    >>> module("pipelines.cut_scenes", "--help")[1:]
    ['-m', 'pipelines.cut_scenes', '--help']
    """
    return [sys.executable, "-m", name, *map(str, arguments)]
