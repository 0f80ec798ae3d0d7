"""Ours and a peer's program take turns on the same inputs, round after round, warm.

A program is asked to do one round at one size. Ours is a function of this process; a peer's is a
file of `benchmarks/peer_programs` in a process of its own, that loads its model once and then
answers each line on its standard input, ``{"size": 64}``, with a line ``{"seconds": 1.5, "values":
[0.69]}``: its own clock around the step alone, and what the step found. One of the two waits while
the other works.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.peers import PeerMissing, python
from benchmarks.results import Claim, Series, ratio

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Round:
    """One round of one program.

    Attributes:
        seconds: by the program's own clock.
        values: what it found, to be held against what the other found: a loss, scores.
    """

    seconds: float
    values: tuple[float, ...]


Program = Callable[[int], Round]
Found = dict[tuple[str, int], list[Round]]


class Peer:
    """A peer's program that stays loaded between its rounds; a `Program` and a context manager."""

    def __init__(
        self,
        interpreter: str | Path,
        program: str,
        *arguments: str | Path,
        timeout_s: float = 300,
    ) -> None:
        """Starts it.

        Args:
            interpreter: of the environment that has the peer, `peers.python`.
            program: name of a file in `benchmarks/peer_programs`.
            arguments: of its command line.
            timeout_s: it is ended when one round, or its start and the first, takes longer.
        """
        self._timeout_s, self._program = timeout_s, program
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [str(interpreter), str(HERE / "peer_programs" / f"{program}.py"), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=HERE.parent,
        )

    def __call__(self, size: int) -> Round:
        """One round.

        Raises:
            RuntimeError: the program ended, or took longer than it may; its last lines are in the
                message.
        """
        questions, answers = self._process.stdin, self._process.stdout
        if questions is None or answers is None:
            raise RuntimeError(f"{self._program} was started without pipes")
        watch = threading.Timer(self._timeout_s, self._process.kill)
        watch.start()
        try:
            questions.write(json.dumps({"size": size}) + "\n")
            questions.flush()
            line = answers.readline()
        except BrokenPipeError:  # what it said before it ended is in the message below
            line = ""
        finally:
            watch.cancel()
        if not line:
            raise RuntimeError(self._ended())
        answer = json.loads(line)
        return Round(float(answer["seconds"]), tuple(float(one) for one in answer["values"]))

    def _ended(self) -> str:
        status = self._process.wait()
        self._errors.seek(0)
        last = "".join(self._errors.readlines()[-15:])
        return f"{self._program} ended with {status}:\n{last}"

    def __enter__(self) -> Self:
        """The program, which is ended behind the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def installed(peer: str, notes: list[str]) -> Path | None:
    """The interpreter that has a peer; None where it cannot be installed, and a note says why."""
    try:
        return python(peer)
    except PeerMissing as missing:
        notes.append(str(missing))
        return None


def take_turns(
    programs: Mapping[str, Program], sizes: Sequence[int], rounds: Mapping[int, int]
) -> Found:
    """Every program at every size, after one round of each at the smallest that does not count.

    Args:
        programs: by name, "ours" among them.
        sizes: in ascending order.
        rounds: by size; large ones may have fewer.
    """
    for program in programs.values():
        program(sizes[0])
    found: Found = {}
    for size in sizes:
        for _ in range(rounds[size]):
            for name, program in programs.items():
                found.setdefault((name, size), []).append(program(size))
    return found


def fewer(sizes: Iterable[int], rounds: int, most: int) -> dict[int, int]:
    """As many rounds at every size up to `most`, and half of them at larger ones.

    >>> fewer([16, 64, 256], 3, 64)
    {16: 3, 64: 3, 256: 1}
    """
    return {size: rounds if size <= most else max(1, rounds // 2) for size in sizes}


def rounds_text(rounds: Mapping[int, int]) -> str:
    """How many rounds there were, for a benchmark's setting.

    >>> rounds_text({16: 3, 64: 3, 256: 1})
    'Rounds: 3 at 16, 3 at 64, 1 at 256.'
    """
    return f"Rounds: {', '.join(f'{count} at {size:,}' for size, count in rounds.items())}."


def to_series(found: Found, size_unit: str, unit: str = "CPU s") -> tuple[Series, ...]:
    """The rounds' seconds, for `results.Result`."""
    return tuple(
        Series(program, size, size_unit, unit, tuple(one.seconds for one in rounds))
        for (program, size), rounds in found.items()
    )


def speed_claim(found: Found, peer: str, size: int, bar: float, text: str) -> Claim:
    """How often faster ours is at one size; without a value where one of the two was not run."""
    ours, theirs = found.get(("ours", size)), found.get((peer, size))
    if not ours or not theirs:
        return Claim(text, None, "x", bar, reason=f"{peer} was not run at this size")
    value = ratio([one.seconds for one in theirs], [one.seconds for one in ours])
    return Claim(text, value, "x", bar)


def difference(found: Found, peer: str) -> float | None:
    """The largest between a value of ours and the peer's at the same size; None without the peer.

    Raises:
        ValueError: one has found more values than the other.
    """
    gaps = [
        abs(one - other)
        for (name, size), rounds in found.items()
        if name == peer
        for mine, its in zip(found["ours", size], rounds, strict=True)
        for one, other in zip(mine.values, its.values, strict=True)
    ]
    return max(gaps, default=None)


def agreement_claim(found: Found, peer: str, bar: float, text: str) -> Claim:
    """How far apart the two sides' values are at most, over all sizes and rounds."""
    gap = difference(found, peer)
    reason = f"{peer} was not run" if gap is None else "the two sides do not compute the same"
    return Claim(text, gap, "", bar, at_least=False, reason=reason)
