# PYTHON_ARGCOMPLETE_OK
"""``python -m pipelines.scale``: what corpora of the papers' size take, from ``params.yaml``."""

from __future__ import annotations

import argparse
import sys

from pipelines import cli
from pipelines.params import Params

EXAMPLES = (
    "python -m pipelines.scale",
    "python -m pipelines.scale --params mine.yaml",
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    parser = cli.make_parser(
        "scale",
        "Compute machine-hours, calls, money and storage for corpora of the papers' size, from "
        "the rates and prices of params.yaml; prints the tables of docs/scaling.md. Reads no data "
        "and calls nothing.",
        EXAMPLES,
    )
    return cli.run_command(parser, _work, argv)


def _work(arguments: argparse.Namespace, params: Params, runner_flags: list[str]) -> None:
    from pipelines.errors import UsageError
    from pipelines.scaling import document

    if runner_flags or arguments.source or arguments.input or arguments.output:
        raise UsageError("scale takes --params and nothing else: its corpora are in params.yaml")
    cli.say(document(params.scale, params.chat.prices).rstrip())


if __name__ == "__main__":
    sys.exit(main())
