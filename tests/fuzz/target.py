"""One parser under fuzz: what it is given, what it may raise, and what it raised instead."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

from pipelines.errors import PipelineError
from tests.fuzz.mutate import BYTES, Mutator, mutate

MOST_CPU_S = 2.0  # of one case: more is a hang


class Hang(Exception):
    """A case took more processor time than any input of its size should."""


@dataclass(frozen=True)
class Target:
    """A parser of outside data."""

    name: str
    samples: tuple[bytes, ...]  # real and small
    parse: Callable[[bytes], object]  # reads the whole of what it is given
    allowed: tuple[type[Exception], ...] = (PipelineError,)
    mutators: tuple[Mutator, ...] = BYTES
    share: float = 0.3  # of the cases that a parser of one is given

    def case(self, number: int, seed: int) -> bytes:
        """What the parser is given: a function of the name, the number and the seed alone."""
        rng = random.Random(f"{seed}/{self.name}/{number}")
        return mutate(rng.choice(self.samples), self.mutators, rng)


@dataclass(frozen=True)
class Failure:
    """A case that raised what is not the project's, or did not end at all."""

    target: str
    content: bytes
    error: str


@dataclass(frozen=True)
class Outcome:
    """What came of the cases of one parser."""

    cases: int
    refused: int  # cases that raised one of the errors allowed
    seconds: float
    failures: tuple[Failure, ...]  # one for each kind of exception and place it came from


def try_case(target: Target, content: bytes) -> Exception | None:
    """The error that a case raised, allowed or not; None where it was read."""
    try:
        with _limited():
            target.parse(content)
    except Exception as error:
        return error
    return None


def run_target(
    target: Target, cases: int, seed: int, begin: Callable[[int], object] = lambda number: None
) -> Outcome:
    """So many damaged samples, the same ones for the same seed.

    Args:
        target: the parser.
        cases: how many.
        seed: of all of them.
        begin: called with the number of each case before it, for whoever must know where a
            process ended.
    """
    begun, refused = time.perf_counter(), 0
    failures: dict[str, Failure] = {}
    for number in range(cases):
        content = target.case(number, seed)
        begin(number)
        error = try_case(target, content)
        if error is None:
            continue
        if isinstance(error, target.allowed):
            refused += 1
        else:
            failures.setdefault(_kind(error), Failure(target.name, content, _kind(error)))
    seconds = time.perf_counter() - begun
    return Outcome(cases, refused, seconds, tuple(failures.values()))


def _kind(error: Exception) -> str:
    """The exception's type and text, and the last line of the project that it came through."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if "/tests/fuzz/" not in file and "site-packages" not in file and "/lib/python" not in file:
            place = f"{file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}: {str(error)[:60]!r}"


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Interrupts what takes too long; processor time, so that a busy machine changes nothing."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang(f"more than {MOST_CPU_S:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
