"""Makes `docs/benchmarks.md` of what the benchmarks found: ``python -m benchmarks.collect``.

It reads ``build/benchmarks/*.json`` and writes every claim beside its bar, then each benchmark
with its setting, its figures at every size and what they mean. Results taken with other sizes than
the default, or without peers, are refused: the page would say less than it seems to.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import jinja2

from benchmarks.__main__ import BENCHMARKS
from benchmarks.results import FOLDER, Result, number, quantity, read_result

PAGE = Path("docs/benchmarks.md")


def main(argv: list[str] | None = None) -> int:
    """Writes the page; 2 when a result is missing or not of a whole run."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--input", type=Path, default=FOLDER, metavar="DIR")
    parser.add_argument("--output", type=Path, default=PAGE, metavar="FILE")
    arguments = parser.parse_args(argv)
    results: list[tuple[Result, dict[str, Any]]] = []
    for name in BENCHMARKS:
        path = arguments.input / f"{name}.json"
        if not path.exists():
            parser.error(f"{path}: not there; run `python -m benchmarks {name}`")
        result, facts = read_result(path)
        if not facts["complete"]:
            parser.error(f"{path}: not of a whole run; run `python -m benchmarks {name}`")
        results.append((result, facts))
    arguments.output.write_text(render(results), encoding="utf-8")
    print(f"{arguments.output}: {sum(len(result.claims) for result, _ in results)} claims")
    return 0


def render(results: list[tuple[Result, dict[str, Any]]]) -> str:
    """The page as Markdown."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # Markdown; the texts are our own
    )
    environment.filters["number"] = number
    environment.globals["quantity"] = quantity
    machines = {tuple(facts["machine"].items()) for _, facts in results}
    return environment.get_template("page.md.jinja").render(
        results=[
            {"result": result, "facts": facts, "growth": growth(result)}
            for result, facts in results
        ],
        machines=[dict(machine) for machine in sorted(machines)],
        dates=sorted({facts["date"] for _, facts in results}),
        missed=[claim for result, _ in results for claim in result.claims if not claim.met],
    )


def growth(result: Result) -> list[dict[str, Any]]:
    """One table a unit: a row for each size, a column for each program.

    A cell has the median, its spread, and how often the figure of the smallest size that is.
    """
    tables = []
    for unit in dict.fromkeys(one.unit for one in result.series):
        of_unit = [one for one in result.series if one.unit == unit]
        programs = list(dict.fromkeys(one.program for one in of_unit))
        sizes = list(dict.fromkeys((one.size, one.size_unit) for one in of_unit))
        found = {(one.program, one.size, one.size_unit): one for one in of_unit}
        first = {one.program: one for one in reversed(of_unit)}
        rows = []
        for size, size_unit in sizes:
            cells = []
            for program in programs:
                one = found.get((program, size, size_unit))
                if one is None:
                    cells.append("–")
                    continue
                times = one.median / first[program].median if first[program].median else 1.0
                beside = "" if one is first[program] else f" ({times:.2g}x)"
                cells.append(f"{one}{beside}")
            rows.append({"size": f"{number(size)} {size_unit}", "cells": cells})
        tables.append({"unit": unit, "programs": programs, "rows": rows})
    return tables


if __name__ == "__main__":
    sys.exit(main())
