"""Peers, each in a virtual environment of its own under ``build/peers``; never in the project's.

`benchmarks/requirements/<peer>.txt` pins what is installed. Its first line begins with one of:

- ``# All of it``: every package the peer needs;
- ``# These alone``: for a pure function of a package that would bring gigabytes (what its other
  functions import is replaced by the program that calls it);
- ``# These alone, over the project's packages``: so that both sides run on the same PyTorch.

A peer is run as ``<its python> benchmarks/peer_programs/<program>.py ARGUMENT...``, a file that
imports nothing of this project and prints one JSON object as its last line.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDER = HERE.parent / "build" / "peers"
ALL, ALONE = "# All of it", "# These alone"
OVER_OURS = f"{ALONE}, over the project's packages"


class PeerMissing(Exception):
    """The peer could not be installed; the message says why."""


def python(peer: str) -> Path:
    """The interpreter of a peer's environment, which is made when it is not there.

    Raises:
        PeerMissing: pip failed; its last lines are in the message.
        ValueError: the first line of its requirements says nothing of how it is installed.
    """
    requirements = HERE / "requirements" / f"{peer}.txt"
    text = requirements.read_text(encoding="utf-8")
    if not text.startswith((ALL, ALONE)):
        raise ValueError(f"{requirements}: line 1: neither '{ALL}' nor '{ALONE}'")
    stamp = hashlib.sha256(f"{text}{sys.version}{sys.prefix}".encode()).hexdigest()
    folder = FOLDER / peer
    interpreter = folder / "bin" / "python"
    stamped = folder / "peer.stamp"
    if stamped.exists() and stamped.read_text(encoding="utf-8") == stamp:
        return interpreter
    print(f"installing {requirements.name} into {folder.relative_to(HERE.parent)}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=False)
    alone = ["--no-deps"] if text.startswith(ALONE) else []
    command = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--quiet"]
    command += ["--no-input", "--disable-pip-version-check", *alone, "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-5:])
        raise PeerMissing(f"{peer} cannot be installed:\n{last}")
    if text.startswith(OVER_OURS):  # not before: pip would leave out what the project has too
        _layer(interpreter)
    stamped.write_text(stamp, encoding="utf-8")
    return interpreter


def run(peer: str, program: str, *arguments: str | Path, timeout_s: float = 600) -> dict[str, Any]:
    """What a program of a peer prints as its last line.

    Raises:
        PeerMissing: its environment cannot be made.
        RuntimeError: the program failed, or printed no JSON object.
        subprocess.TimeoutExpired: it took longer than ``timeout_s``.
    """
    path = HERE / "peer_programs" / f"{program}.py"
    return run_json([str(python(peer)), str(path), *map(str, arguments)], timeout_s)


def run_json(command: Sequence[str], timeout_s: float = 600) -> dict[str, Any]:
    """What a command prints as its last line, as `run` reads it; for our own side."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=timeout_s, cwd=HERE.parent
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        last = "\n".join(done.stderr.splitlines()[-15:])
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{last}")
    found = json.loads(lines[-1])
    if not isinstance(found, dict):
        raise RuntimeError(f"{' '.join(command)} printed no JSON object: {lines[-1][:200]}")
    return found


def versions(peer: str, *packages: str) -> dict[str, str]:
    """Installed versions, as the peer's own environment has them."""
    code = "import importlib.metadata as m, json, sys; "
    code += "print(json.dumps({name: m.version(name) for name in sys.argv[1:]}))"
    return {
        str(name): str(found)
        for name, found in run_json([str(python(peer)), "-c", code, *packages]).items()
    }


def _layer(interpreter: Path) -> None:
    """Puts the project's packages behind the peer's own."""
    query = [str(interpreter), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]
    found = subprocess.run(query, capture_output=True, text=True, check=True)
    behind = Path(found.stdout.strip()) / "project.pth"
    behind.write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
