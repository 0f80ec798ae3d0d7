r"""Damaged input for every parser of outside data: nothing may come of it but our own errors.

Each parser runs in a process of its own, so that a library that crashes it is found, too. A case
that raised anything else is written to a file, and the exit status is 1.

    python -m tests.fuzz
    python -m tests.fuzz --cases 2000000 --seed 7 --only tar --failures /somewhere
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.registry import all_targets, shares
from tests.fuzz.target import Failure, Outcome, Target, run_target


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 where a parser failed in a way that is not the project's."""
    flags = _parser().parse_args(arguments)
    begun, done, found = time.perf_counter(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        every = all_targets(Path(folder))
        counts = dict(zip((one.name for one in every), shares(every, flags.cases), strict=True))
        targets = [target for target in every if flags.only in target.name]
        print(f"{'parser':34}{'cases':>9}{'refused':>9}{'seconds':>9}")
        for target in targets:
            outcome = run_apart(target, counts[target.name], flags.seed)
            done += outcome.cases
            found += len(outcome.failures)
            line = f"{target.name:34}{outcome.cases:9,}{outcome.refused:9,}{outcome.seconds:9.1f}"
            print(line, flush=True)
            for failure in outcome.failures:
                print(f"    {failure.error}\n    input: {_save(failure, flags.failures)}")
    seconds = time.perf_counter() - begun
    print(
        f"{done:,} cases of {len(targets)} parsers in {seconds:.0f} s, {found} foreign exceptions"
    )
    return 1 if found or not targets else 0


def run_apart(target: Target, cases: int, seed: int) -> Outcome:
    """The cases in a process of its own; a process that dies is a failure of the case at hand."""
    fork = multiprocessing.get_context("fork")
    current = fork.Value("q", 0)
    ours, theirs = fork.Pipe(duplex=False)

    def work(pipe: Connection) -> None:
        def begin(number: int) -> None:
            current.value = number

        pipe.send(run_target(target, cases, seed, begin))

    begun = time.perf_counter()
    process = fork.Process(target=work, args=(theirs,))
    process.start()
    theirs.close()
    try:
        outcome: Outcome = ours.recv()
    except EOFError:
        process.join()
        number = current.value
        error = f"the process ended with status {process.exitcode} in case {number}"
        failure = Failure(target.name, target.case(number, seed), error)
        return Outcome(number, 0, time.perf_counter() - begun, (failure,))
    process.join()
    return outcome


def _save(failure: Failure, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(failure.content).hexdigest()[:12]
    path = folder / f"{failure.target.replace(' ', '-')}-{digest}"
    path.write_bytes(failure.content)
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", type=int, default=110_000, help="in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the same one, the same cases")
    parser.add_argument("--only", default="", help="parsers with this in their name")
    parser.add_argument(
        "--failures", type=Path, default=Path("fuzz-failures"), help="folder for their inputs"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
