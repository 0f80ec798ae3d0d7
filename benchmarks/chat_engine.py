"""The chat engine against the bare client and peers: ``python -m benchmarks.chat_engine``.

Calls of 50 ms, 64 in flight, against one server in a process of its own. The engine does them with
everything it is for: look-up, budget, journal entry with fsync, validation. Bare is what a user
would write, ``AsyncOpenAI`` over its aiohttp transport, nothing kept; curator and distilabel run as
their users run them, caches on. Each program runs in a process of its own and times itself, imports
excluded; they take turns on the same questions, and the ratio of their rates is the figure.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import peers
from benchmarks.chat_task import (
    BARE,
    CURATOR,
    DISTILABEL,
    IN_FLIGHT,
    OURS,
    Program,
    Server,
    Task,
    ask,
    question,
    serving,
)
from benchmarks.results import Claim, Result, Series, finish, make_parser, ratio, version

BAR_BARE, BAR_CURATOR = 0.8, 2.0
BAR_TIMES = 4  # the bar is held at 2,000 calls: so often the smallest size
CALLS_ONCE = 4_000  # from here on one round is enough: a run is long against what disturbs it


@dataclass
class Figures:
    """Of one program at one size, round by round."""

    rates: list[float] = field(default_factory=list)  # calls a second
    costs: list[float] = field(default_factory=list)  # CPU milliseconds a call


def main(argv: list[str] | None = None) -> int:
    """Prints rates, CPU and ratios; exit status 1 below a bar."""
    started = time.monotonic()
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--calls", type=int, default=500, help="(default: %(default)s)")
    parser.add_argument("--delay-ms", type=float, default=50.0, help="(default: %(default)s)")
    arguments = parser.parse_args(argv)
    programs, missing = available(arguments.without_peers)
    sizes = [arguments.calls * times for times in arguments.growth]
    figures: dict[tuple[str, int], Figures] = {}
    busiest = 0.0  # share of a core that the server took, at the most
    with tempfile.TemporaryDirectory() as name, serving(Path(name), arguments.delay_ms) as server:
        for calls in sizes:
            for number in range(1 if calls >= CALLS_ONCE else arguments.rounds):
                for program in programs:
                    if skipped(program, calls, arguments.calls, number):
                        continue
                    one = figures.setdefault((program.name, calls), Figures())
                    share = measure(server, program, calls, number, Path(name), one)
                    busiest = max(busiest, share)
    at = arguments.calls * (BAR_TIMES if BAR_TIMES in arguments.growth else arguments.growth[-1])
    ideal = IN_FLIGHT / arguments.delay_ms * 1000
    result = Result(
        "chat_engine",
        "Chat calls",
        f"Calls of {arguments.delay_ms:g} ms to a server on this machine, {IN_FLIGHT} in flight: "
        f"the delay alone allows {ideal:,.0f} a second. A process a run, which times itself "
        "without imports; its cache or journal is empty at the start. All answers are checked.",
        tuple(claims(figures, at, missing)),
        tuple(series(figures)),
        versions(programs),
        tuple(notes(busiest, missing)),
    )
    return finish(result, arguments, started)


def available(without_peers: bool) -> tuple[list[Program], dict[str, str]]:
    """The programs that can be run, and why the others cannot."""
    programs, missing = [OURS, BARE], {}
    for program in () if without_peers else (CURATOR, DISTILABEL):
        try:
            program.command()  # installs it
        except peers.PeerMissing as error:
            print(error)
            missing[program.name] = str(error).partition("\n")[0]
        else:
            programs.append(program)
    return programs, missing


def skipped(program: Program, calls: int, smallest: int, number: int) -> bool:
    """Distilabel has no bar and is slow: one round, and the two smaller sizes."""
    return program is DISTILABEL and (number > 0 or calls > BAR_TIMES * smallest)


def measure(
    server: Server, program: Program, calls: int, number: int, folder: Path, figures: Figures
) -> float:
    """Adds a run's figures; the share of a core that the server took meanwhile.

    Raises:
        RuntimeError: the program failed, or did not bring the answers that the server gives.
    """
    questions = tuple(question(f"{calls}-{number}-{index}") for index in range(calls))
    task = Task(server.base_url, questions)
    state = folder / f"{program.name.replace(' ', '-')}-{calls}-{number}"
    used = server.cpu_s()
    ended = ask(program, task.write(folder / "task.json"), state)
    if ended.status:
        raise RuntimeError(f"{program.name} failed at {calls} calls:\n{ended.error}")
    if ended.answers != task.expected:
        raise RuntimeError(f"{program.name}: {len(ended.answers)} answers, not those of the server")
    seconds, cpu_ms = ended.facts["seconds"], 1000 * ended.facts["cpu_s"] / calls
    figures.rates.append(calls / seconds)
    figures.costs.append(cpu_ms)
    print(f"{calls:,} calls, {program.name}: {calls / seconds:.0f}/s, {cpu_ms:.2f} CPU-ms a call")
    return float((server.cpu_s() - used) / seconds)


def claims(
    figures: dict[tuple[str, int], Figures], calls: int, missing: dict[str, str]
) -> list[Claim]:
    """The ratios of the rates at the size of the bar."""
    found = []
    for program, bar in ((BARE, BAR_BARE), (CURATOR, BAR_CURATOR)):
        text = f"{calls:,} calls, the whole engine against {program.name}"
        reason = missing.get(program.name, "run without peers")
        value = None
        theirs = figures.get((program.name, calls))
        if theirs is not None:
            ours = figures[OURS.name, calls]
            value = ratio(ours.rates, theirs.rates)
            by_cpu = ratio(theirs.costs, ours.costs)
            reason = f"by the CPU time of a call it is {by_cpu:.2f}x; a busy machine shifts rates"
        found.append(Claim(text, value, "x", bar, reason=reason))
    return found


def series(figures: dict[tuple[str, int], Figures]) -> list[Series]:
    """Rates, then what a call costs of the CPU."""
    rates = [
        Series(name, calls, "calls", "calls/s", tuple(one.rates))
        for (name, calls), one in figures.items()
    ]
    costs = [
        Series(name, calls, "calls", "CPU-ms a call", tuple(one.costs))
        for (name, calls), one in figures.items()
    ]
    return [*rates, *costs]


def versions(programs: list[Program]) -> dict[str, str]:
    """Of the clients and the peers."""
    found = {package: version(package) for package in BARE.packages}
    if CURATOR in programs:
        found |= peers.versions("curator", "bespokelabs-curator")
    if DISTILABEL in programs:
        found |= peers.versions("distilabel", "distilabel")
    return found


def notes(busiest: float, missing: dict[str, str]) -> list[str]:
    """What a reader of the figures has to know."""
    told = [
        f"The server took {busiest:.0%} of a core at the most while a program ran: it is not what "
        "they wait for.",
        f"From {CALLS_ONCE:,} calls on there is one round, and distilabel runs once at the two "
        "smaller sizes.",
        "distilabel's CPU time includes the start of its steps, which are processes of their own.",
        "Bare keeps nothing: a run of it that breaks off has to be paid for again.",
    ]
    return told + [f"{name} is left out: {reason}." for name, reason in missing.items()]


if __name__ == "__main__":
    sys.exit(main())
