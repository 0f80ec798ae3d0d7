"""What every chat program of the benchmarks is given, and how it is run.

A task is one JSON file: server, system prompt, questions, calls in flight. A program is called as
``PROGRAM TASK ANSWERS STATE``. It asks every question, writes ``{id: label}`` of the replies that
it takes for good into ANSWERS, keeps whatever lets it go on later in the folder STATE, and prints
its seconds and CPU seconds, imports excluded. The server is the one of the tests, in a process of
its own; it counts calls by the id in the question.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers

SYSTEM = "You label utterances. Reply with a JSON object. " + "One more rule of style. " * 80
IN_FLIGHT = 64
# No peer is to call home, whatever its defaults are.
OFFLINE = {
    "TELEMETRY_ENABLED": "0",
    "CURATOR_DISABLE_RICH_DISPLAY": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "no_proxy": "127.0.0.1",
    "NO_PROXY": "127.0.0.1",
}
_START_S = 60.0  # for the server to listen, on a machine that does much else


@dataclass(frozen=True)
class Task:
    """What is asked; the same file for every program."""

    base_url: str
    questions: tuple[str, ...]  # user messages: JSON with the id, and faults for the server
    system: str = SYSTEM
    in_flight: int = IN_FLIGHT

    def write(self, path: Path) -> Path:
        """Writes the file that programs read."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path

    @property
    def expected(self) -> dict[str, str]:
        """The labels that the server gives."""
        names = (str(json.loads(question)["id"]) for question in self.questions)
        return {name: hashlib.sha256(name.encode()).hexdigest()[:8] for name in names}


def question(name: str, faults: Sequence[str] = ()) -> str:
    """One user message; arrival n of it at the server takes ``faults[n]``."""
    content: dict[str, Any] = {"id": name, "text": "x" * 200}
    if faults:
        content["faults"] = list(faults)
    return json.dumps(content)


@dataclass(frozen=True)
class Program:
    """One that asks: ours or a peer's.

    Attributes:
        name: as it is in the results.
        command: makes the command line's beginning; installs the peer when that is due.
        packages: whose versions are shown.
    """

    name: str
    command: Callable[[], list[str]]
    packages: tuple[str, ...] = ()


def _of_peer(peer: str) -> Callable[[], list[str]]:
    path = peers.HERE / "peer_programs" / f"{peer}_rows.py"
    return lambda: [str(peers.python(peer)), str(path)]


OURS = Program("ours", lambda: [sys.executable, "-m", "benchmarks.chat_ours"])
# In this environment: openai is a dependency of the project.
BARE = Program(
    "bare AsyncOpenAI",
    lambda: [sys.executable, str(peers.HERE / "peer_programs" / "openai_rows.py")],
    ("openai", "aiohttp"),
)
CURATOR = Program("curator", _of_peer("curator"), ("bespokelabs-curator", "openai"))
DISTILABEL = Program("distilabel", _of_peer("distilabel"), ("distilabel", "openai"))


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    status: int
    answers: dict[str, str]  # {id: label}; empty when it failed
    facts: dict[str, Any]  # what it printed; empty when it failed
    error: str  # the last lines of what it wrote to stderr


def start(program: Program, task: Path, state: Path) -> subprocess.Popen[str]:
    """The program in a process group of its own; its output goes into ``state``'s parent."""
    state.mkdir(parents=True, exist_ok=True)
    with (
        state.with_suffix(".out").open("w", encoding="utf-8") as out,
        state.with_suffix(".err").open("w", encoding="utf-8") as err,
    ):
        return subprocess.Popen(
            [*program.command(), str(task), str(_answers(state)), str(state)],
            stdout=out,
            stderr=err,
            text=True,
            cwd=peers.HERE.parent,
            env=_environment(state),
            start_new_session=True,
        )


def _environment(state: Path) -> dict[str, str]:
    """Without anybody's keys; what a program keeps in its user's home goes into its own folder."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_KEY")}
    return kept | OFFLINE | {"HOME": str(state)}


def ask(program: Program, task: Path, state: Path, timeout_s: float = 600) -> Ended:
    """Runs the program to its end, which may be a failure."""
    _answers(state).unlink(missing_ok=True)
    process = start(program, task, state)
    try:
        process.wait(timeout_s)
    finally:
        process.kill()
    error = "\n".join(state.with_suffix(".err").read_text(encoding="utf-8").splitlines()[-15:])
    printed = state.with_suffix(".out").read_text(encoding="utf-8").strip().splitlines()
    if process.returncode or not printed or not _answers(state).exists():
        return Ended(process.returncode or 1, {}, {}, error)
    answers = json.loads(_answers(state).read_text(encoding="utf-8"))
    return Ended(0, answers, json.loads(printed[-1]), error)


def _answers(state: Path) -> Path:
    return state.with_suffix(".answers.json")


@dataclass(frozen=True)
class Server:
    """The mock server's process."""

    port: int
    pid: int

    @property
    def base_url(self) -> str:
        """Where the programs send their calls."""
        return f"http://127.0.0.1:{self.port}/v1"

    def stats(self) -> tuple[Counter[str], Counter[str]]:
        """Calls that arrived, and replies that were sent completely, by id."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=60) as reply:
            found: Mapping[str, Mapping[str, int]] = json.load(reply)
        return Counter(found["arrivals"]), Counter(found["replied"])

    def cpu_s(self) -> float:
        """CPU seconds it has used: the delay apart, they must not be what a run waits for."""
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(folder: Path, delay_ms: float) -> Iterator[Server]:
    """A server that has counted nothing yet.

    Raises:
        RuntimeError: it did not start.
    """
    port_file = folder / "port"
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.chat_server", "--port-file", str(port_file)]
    process = subprocess.Popen([*command, "--delay-ms", str(delay_ms)], cwd=peers.HERE.parent)
    try:
        until = time.monotonic() + _START_S
        while not port_file.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the mock server did not start")
            time.sleep(0.05)
        yield Server(int(port_file.read_text()), process.pid)
    finally:
        process.kill()
        process.wait()
