# PYTHON_ARGCOMPLETE_OK
"""``python -m trainer.evaluate``: the papers' evaluations (FlexiVoice 5, A.8; MCLP 6)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import argcomplete

from trainer import cli
from trainer.evaluating.commands import (
    agreement,
    cases,
    generate,
    instruct,
    judge,
    mclp,
    report,
    score,
    win_rate,
)
from trainer.evaluating.subcommand import Subcommand

CONFIG = "trainer/configs/evaluate.yaml"
SUBCOMMANDS: dict[str, Subcommand] = {
    one.name: one
    for one in (
        cases.SUBCOMMAND,
        generate.SUBCOMMAND,
        score.SUBCOMMAND,
        instruct.SUBCOMMAND,
        judge.SUBCOMMAND,
        mclp.SUBCOMMAND,
        agreement.SUBCOMMAND,
        win_rate.SUBCOMMAND,
        report.SUBCOMMAND,
    )
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one of the subcommands and returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    chosen = SUBCOMMANDS.get(arguments[0]) if arguments else None
    if chosen is None:
        parser = _overview()
        argcomplete.autocomplete(parser)
        parser.parse_args(arguments)
        raise AssertionError("no subcommand, and no usage error")  # the parser demands one
    parser = cli.make_parser(
        f"evaluate {chosen.name}",
        chosen.summary,
        chosen.examples,
        CONFIG,
        configured=chosen.configured,
    )
    chosen.add_arguments(parser)
    return cli.run_command(parser, chosen.work, arguments[1:])


def _overview() -> argparse.ArgumentParser:
    """What ``--help`` without a subcommand shows."""
    parser = cli.make_parser(
        "evaluate",
        "Evaluate trained models as the papers do: make test cases, let models speak them, let "
        "judges hear it, print the papers' tables. Each word below has --help of its own.",
        tuple(one.examples[0] for one in SUBCOMMANDS.values()),
        configured=False,
    )
    words = parser.add_subparsers(dest="word", required=True, metavar="WORD")
    for one in SUBCOMMANDS.values():
        words.add_parser(one.name, help=one.summary.replace("%", "%%"), add_help=False)
    return parser


if __name__ == "__main__":
    sys.exit(main())
