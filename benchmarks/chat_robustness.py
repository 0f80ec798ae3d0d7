"""What goes wrong in a long annotation run, counted: ``python -m benchmarks.chat_robustness``.

2,000 rows are annotated, then run again as they are, with one row more, and with another system
prompt; a run is killed with SIGKILL and started again; 500 rows meet HTTP 429 and malformed
replies. The server counts the calls, so nobody's own books are believed. Ours is the whole engine
with its journal; peers run as their users run them, caches on. Counts, not times: one round says it
all, `--growth` is not used.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import peers
from benchmarks.chat_task import (
    CURATOR,
    DISTILABEL,
    OURS,
    SYSTEM,
    Ended,
    Program,
    Server,
    Task,
    ask,
    question,
    serving,
    start,
)
from benchmarks.results import Claim, Result, Series, finish, make_parser

AGAIN = "calls, run again unchanged"
ADDED = "calls, one row added"
LOST = "rows without an answer, one row added"
CHANGED = "calls, system prompt changed"
STALE = "stale answers, system prompt changed"
TWICE = "replies that had arrived, bought again after a kill"
UNDER_WAY = "replies sent up to the kill, bought again"
RIGHT = "rows right, with 429 and malformed replies"
SETTLED = "rows right or in the dead letters, with 429 and malformed replies"
CALLS = "calls, with 429 and malformed replies"

ARRIVED_S = 0.5  # a reply that was sent so long before the kill has arrived, on any machine
KILL_DELAY_MS = 100.0  # of a call, so that few are sent in that time
_POLL_S = 0.05
_RUN_S = 300.0  # longest run of a program up to its kill


@dataclass
class Counts:
    """What was counted of one program, by unit: (rows, value of each round)."""

    program: Program
    found: dict[str, tuple[int, list[float]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, unit: str, rows: int, value: float) -> None:
        """Adds a round's value."""
        self.found.setdefault(unit, (rows, []))[1].append(value)

    def failed(self, when: str, ended: Ended) -> bool:
        """Whether the program failed; says so in the notes."""
        if ended.status:
            last = ended.error.strip().splitlines()[-1:] or ["no message"]
            self.failures.append(f"{self.program.name} failed ({when}): {last[0].strip()[:200]}")
        return bool(ended.status)


Scene = Callable[[Counts, int, Path], None]


def main(argv: list[str] | None = None) -> int:
    """Prints what was counted; exit status 1 where ours is not what it should be."""
    started = time.monotonic()
    parser = make_parser(__doc__, rounds=1)
    parser.add_argument("--rows", type=int, default=2000, help="(default: %(default)s)")
    parser.add_argument("--faulty-rows", type=int, default=500, help="(default: %(default)s)")
    parser.add_argument("--kills", type=int, default=3, help="a round (default: %(default)s)")
    arguments = parser.parse_args(argv)
    programs, missing = [OURS], []
    for program in () if arguments.without_peers else (CURATOR, DISTILABEL):
        try:
            program.command()  # installs it
        except peers.PeerMissing as error:
            missing.append(f"{program.name} is left out: {error}")
        else:
            programs.append(program)
    scenes: tuple[tuple[Scene, int, tuple[Program, ...]], ...] = (
        (run_again, arguments.rows, (OURS, CURATOR, DISTILABEL)),
        # The moment of the kill is chance; distilabel's cache is of whole batches.
        *[(kill, arguments.rows, (OURS, CURATOR))] * arguments.kills,
        (faults, arguments.faulty_rows, (OURS, CURATOR, DISTILABEL)),
    )
    counted = {program: Counts(program) for program in programs}
    with tempfile.TemporaryDirectory() as name:
        for number in range(arguments.rounds):
            for place, (scene, rows, which) in enumerate(scenes):
                for program in programs:
                    if program in which:
                        folder = Path(name, f"{number}-{place}-{program.name}")
                        folder.mkdir()
                        scene(counted[program], rows, folder)
                        print(f"{scene.__name__}, {program.name}: done", flush=True)
    result = Result(
        "chat_robustness",
        "Chat calls when something goes wrong",
        "The same rows, server and faults for every program; the server counts. A program has a "
        "process of its own for each run, and keeps its journal or cache between them.",
        tuple(claims(counted[OURS], arguments.rows, arguments.faulty_rows)),
        tuple(series(list(counted.values()))),
        versions(programs),
        tuple([*NOTES, *missing, *(text for one in counted.values() for text in one.failures)]),
    )
    return finish(result, arguments, started)


def run_again(counts: Counts, rows: int, folder: Path) -> None:
    """The whole corpus; then unchanged, with a row more, with another prompt."""
    questions = tuple(question(f"row-{index}") for index in range(rows))
    more = (*questions, question(f"row-{rows}"))
    with serving(folder, 10.0) as server:
        first, _ = _run(counts.program, server, questions, folder)
        if counts.failed(f"{rows:,} rows", first):
            return
        again, calls = _run(counts.program, server, questions, folder)
        if not counts.failed("again", again):
            counts.add(AGAIN, rows, calls.total())
        added, calls = _run(counts.program, server, more, folder)
        if not counts.failed("one row added", added):
            counts.add(ADDED, rows + 1, calls.total())
            counts.add(LOST, rows + 1, rows + 1 - len(added.answers))
        changed, calls = _run(counts.program, server, more, folder, f"{SYSTEM} Be brief.")
        if not counts.failed("system prompt changed", changed):
            counts.add(CHANGED, rows + 1, calls.total())
            counts.add(STALE, rows + 1, len(changed.answers.keys() - calls.keys()))


def kill(counts: Counts, rows: int, folder: Path) -> None:
    """Killed when two rows in five are answered, and run again."""
    questions = tuple(question(f"row-{index}") for index in range(rows))
    with serving(folder, KILL_DELAY_MS) as server:
        task = Task(server.base_url, questions)
        process = start(counts.program, task.write(folder / "task.json"), folder / "state")
        seen: list[tuple[float, Counter[str]]] = []
        until = time.monotonic() + _RUN_S
        try:
            while not seen or seen[-1][1].total() < rows * 17 // 40:  # 850 of 2,000
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{counts.program.name} ended before it could be killed")
                seen.append((time.monotonic(), server.stats()[1]))
                time.sleep(_POLL_S)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        killed = time.monotonic()
        arrived = [replied for moment, replied in seen if moment <= killed - ARRIVED_S]
        time.sleep(0.3 + KILL_DELAY_MS / 1000)  # what was under way to the dead process
        ended, calls = _run(counts.program, server, questions, folder)
        if counts.failed("after the kill", ended):
            return
        if ended.answers.keys() != task.expected.keys():
            counts.failures.append(f"{counts.program.name} lost rows after the kill")
        again = calls.keys() & task.expected.keys()  # without what only looks at the server
        counts.add(TWICE, rows, len(again & (arrived[-1].keys() if arrived else set())))
        counts.add(UNDER_WAY, rows, len(again & seen[-1][1].keys()))


def faults(counts: Counts, rows: int, folder: Path) -> None:
    """One row in 10 meets an HTTP 429, one in 20 a malformed reply, one in 100 nothing else."""
    questions = []
    for index in range(rows):
        wrong = ["429"] if index % 10 == 0 else ["malformed"] if index % 20 == 5 else []
        questions.append(question(f"row-{index}", wrong * 50 if index % 100 == 5 else wrong))
    with serving(folder, 10.0) as server:
        ended, calls = _run(counts.program, server, tuple(questions), folder)
        expected = Task(server.base_url, tuple(questions)).expected
    if counts.failed(f"429 and malformed replies, {rows} rows", ended):
        counts.add(RIGHT, rows, 0)
        return
    counts.add(CALLS, rows, calls.total())
    right = sum(expected.get(name) == label for name, label in ended.answers.items())
    counts.add(RIGHT, rows, right)
    if counts.program is OURS:
        counts.add(SETTLED, rows, right + ended.facts["dead_letters"])


def _run(
    program: Program, server: Server, questions: tuple[str, ...], folder: Path, system: str = SYSTEM
) -> tuple[Ended, Counter[str]]:
    """A run, and the calls that it made, by id."""
    task = Task(server.base_url, questions, system)
    before, _ = server.stats()
    ended = ask(program, task.write(folder / "task.json"), folder / "state")
    after, _ = server.stats()
    return ended, after - before


def claims(ours: Counts, rows: int, faulty_rows: int) -> list[Claim]:
    """Every row of the table, the worst round of each."""
    bars = (
        (AGAIN, f"{rows:,} rows run again, nothing changed", "calls", 0, False),
        (ADDED, f"one row added to {rows:,}, run again", "calls", 1, False),
        (LOST, f"one row added to {rows:,}: rows without an answer", "rows", 0, False),
        (CHANGED, "system prompt changed: all called again", "calls", rows + 1, True),
        (TWICE, "kill -9 and run again: bought twice of what had arrived", "replies", 0, False),
        (
            SETTLED,
            "10 % HTTP 429, 5 % malformed replies: valid or in the dead letters",
            "rows",
            faulty_rows,
            True,
        ),
    )
    found = []
    for unit, text, of, bar, at_least in bars:
        _, values = ours.found.get(unit, (0, []))
        worst = None if not values else min(values) if at_least else max(values)
        reason = "" if values else "; ".join(ours.failures)
        found.append(Claim(text, worst, of, bar, at_least, reason))
    return found


def series(counted: list[Counts]) -> list[Series]:
    """All counts, one table a unit."""
    units = (AGAIN, ADDED, LOST, CHANGED, STALE, TWICE, UNDER_WAY, RIGHT, SETTLED, CALLS)
    found = []
    for unit in units:
        for one in counted:
            if unit in one.found:
                rows, values = one.found[unit]
                found.append(Series(one.program.name, rows, "rows", unit, tuple(values)))
    return found


def versions(programs: list[Program]) -> dict[str, str]:
    """Of the peers."""
    found: dict[str, str] = {}
    for program in programs:
        if program.packages:
            found |= peers.versions(program.name, program.packages[0])
    return found


NOTES = (
    "Calls include those by which a peer looks what the server can do; curator makes one or two "
    "at every start.",
    f"A reply has arrived when the server had sent it {ARRIVED_S:g} s before the kill. Those "
    "sent in the last moments, at most one a call in flight, may be lost with the process and "
    "bought again, by every program.",
    "One row in 100 gets malformed replies however often it asks: it has to end as a dead letter. "
    "curator has a response format and leaves such a row out; distilabel keeps a malformed reply "
    "as it came.",
)


if __name__ == "__main__":
    sys.exit(main())
