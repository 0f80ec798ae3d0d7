"""What a benchmark found: series of figures, and claims that are held against a bar.

Every benchmark ends with `finish`: it prints its claims and writes a JSON file that
``python -m benchmarks.collect`` makes `docs/benchmarks.md` of. A figure is kept round by round, so
that its spread can be shown.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path("build/benchmarks")
GROWTH = (1, 4, 16)  # how often the smallest input


@dataclass(frozen=True)
class Series:
    """One program's figures on one input, one for each round.

    Attributes:
        program: ``ours``, or the peer's name as its users write it.
        size: how large the input is, in ``size_unit``.
        size_unit: "sentences", "rows", "calls".
        unit: of the values, "sentences/s", "MB", "s".
        values: one for each round, in their order.
    """

    program: str
    size: float
    size_unit: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """The widest distance of a round from the median, as a share of it."""
        return max(abs(value - self.median) for value in self.values) / (abs(self.median) or 1.0)

    def __str__(self) -> str:
        """The median, and the spread where there was more than one round.

        >>> print(Series("ours", 10, "rows", "rows/s", (4.0, 5.0, 5.5)))
        5 ±20%
        """
        return number(self.median) + (f" ±{self.spread:.0%}" if len(self.values) > 1 else "")


@dataclass(frozen=True)
class Claim:
    """A figure beside its bar.

    Attributes:
        text: what is claimed, with the peer and the size: "12,000 turns, against whisperX".
        value: what was measured, None when it could not be (``reason`` says why).
        unit: "x" for a ratio ours / peer, else the figure's own: "MB", "s", "calls".
        bar: what it should be.
        at_least: True when more is better.
        reason: why it is missed, known beforehand; printed only when it is.
    """

    text: str
    value: float | None
    unit: str
    bar: float
    at_least: bool = True
    reason: str = ""

    @property
    def met(self) -> bool:
        """Whether the bar is held.

        >>> Claim("memory", 290.0, "MB", 300.0, at_least=False).met
        True
        """
        if self.value is None:
            return False
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def line(self) -> str:
        """The claim as one line of the terminal.

        >>> print(Claim("12,000 turns, against whisperX", 41.2, "x", 20.0).line())
        met       41.2x  bar >= 20x  12,000 turns, against whisperX
        """
        word = "met" if self.met else "MISSED"
        value = "-" if self.value is None else quantity(self.value, self.unit)
        sign = ">=" if self.at_least else "<="
        bar = f"bar {sign} {quantity(self.bar, self.unit)}"
        because = f" ({self.reason})" if self.reason and not self.met else ""
        return f"{word:<6} {value:>8}  {bar:<10}  {self.text}{because}"


@dataclass(frozen=True)
class Result:
    """All that one benchmark found.

    Attributes:
        benchmark: the module's name in this package.
        title: a few words.
        setting: a sentence or two: what was run, on which input, how it was timed.
        claims: what is held against a bar.
        series: every figure, both sides, all sizes.
        versions: of the programs compared, the peers' as their own environments have them.
        notes: what a reader of the figures has to know besides.
    """

    benchmark: str
    title: str
    setting: str
    claims: tuple[Claim, ...]
    series: tuple[Series, ...]
    versions: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def make_parser(doc: str | None, rounds: int) -> argparse.ArgumentParser:
    """The flags that every benchmark has; a benchmark adds its own sizes."""
    parser = argparse.ArgumentParser(
        description=doc, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=rounds, help="(default: %(default)s)")
    parser.add_argument(
        "--growth",
        type=int,
        nargs="+",
        default=list(GROWTH),
        metavar="N",
        help="how often the smallest input, one size each (default: 1 4 16)",
    )
    parser.add_argument(
        "--without-peers", action="store_true", help="ours alone: no peer is installed or run"
    )
    parser.add_argument(
        "--output", type=Path, default=FOLDER, metavar="DIR", help="(default: %(default)s)"
    )
    return parser


def finish(result: Result, arguments: argparse.Namespace, started: float) -> int:
    """Prints the series and the claims, writes the result; the exit status, 1 below a bar.

    Args:
        result: what was found.
        arguments: of `make_parser`.
        started: `time.monotonic` when the benchmark began.
    """
    for line in table(result.series):
        print(line)
    for claim in result.claims:
        print(claim.line())
    for note in result.notes:
        print(f"note: {note}")
    content = {
        **asdict(result),
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
        "seconds": round(time.monotonic() - started, 1),
        "load": round(os.getloadavg()[0], 1),
        "complete": list(arguments.growth) == list(GROWTH) and not arguments.without_peers,
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / f"{result.benchmark}.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if all(claim.met for claim in result.claims) else 1


def read_result(path: Path) -> tuple[Result, dict[str, Any]]:
    """A result as `finish` wrote it, and what it noted besides: machine, date, seconds, load."""
    content = json.loads(path.read_text(encoding="utf-8"))
    names = Result.__dataclass_fields__
    fields = {name: content.pop(name) for name in names}
    fields["claims"] = tuple(Claim(**one) for one in fields["claims"])
    fields["series"] = tuple(
        Series(**{**one, "values": tuple(one["values"])}) for one in fields["series"]
    )
    fields["notes"] = tuple(fields["notes"])
    return Result(**fields), content


def table(series: Iterable[Series]) -> list[str]:
    """One line a size and unit: every program's median and its spread."""
    groups: dict[tuple[float, str, str], list[Series]] = {}
    for one in series:
        groups.setdefault((one.size, one.size_unit, one.unit), []).append(one)
    lines = []
    for (size, size_unit, unit), programs in groups.items():
        figures = ", ".join(f"{one.program} {one}" for one in programs)
        lines.append(f"{number(size)} {size_unit}: {figures} {unit}")
    return lines


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the rounds of ours / theirs: a busy moment hits one round of both.

    >>> ratio([10.0, 30.0, 8.0], [5.0, 10.0, 4.0])
    2.0
    """
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def number(value: float) -> str:
    """Three digits that count.

    >>> [number(value) for value in (0.01234, 2.5, 41.24, 1234567.0)]
    ['0.0123', '2.5', '41.2', '1,234,567']
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def quantity(value: float, unit: str) -> str:
    """A value with its unit; a ratio has its sign right behind.

    >>> quantity(2.57, "x"), quantity(300.0, "MB")
    ('2.57x', '300 MB')
    """
    return f"{number(value)}{unit}" if unit == "x" else f"{number(value)} {unit}".rstrip()


def version(package: str) -> str:
    """The version of a package of this project's environment."""
    return importlib.metadata.version(package)


def machine() -> dict[str, str]:
    """What the figures were taken on; no name of the host."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory_gb:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    """The model as the kernel names it, "unknown" on systems without /proc."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown")
